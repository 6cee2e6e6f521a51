// TagStream, UntagStream and ListTagsForStream, which take a name or an ARN; TagResource, UntagResource and
// ListTagsForResource, which take an ARN and, unlike the others, their path with a capital.
#include "video/tags.h"
#include "aws/gen/video/errors.gen.h"
#include "aws/gen/video/types_list_tags_for_resource.gen.h"
#include "aws/gen/video/types_list_tags_for_stream.gen.h"
#include "aws/gen/video/types_tag_resource.gen.h"
#include "aws/gen/video/types_tag_stream.gen.h"
#include "aws/gen/video/types_untag_resource.gen.h"
#include "aws/gen/video/types_untag_stream.gen.h"
#include "base/try.h"
#include "core/task.h"
#include "video/ops/ops.h"

namespace riacho::video {

namespace errors = api::errors;
using Code = catalog::Verdict::Code;

namespace {

Task<Result<void>> change_tags(VideoOp op, catalog::TagObject command) {
    for (const auto& [key, value] : command.add) {
        if (is_reserved_tag(key)) co_return fail(errors::reserved_tag());
    }
    CO_TRY(const catalog::Verdict verdict, co_await op.submit(std::move(command)));
    if (verdict.code == Code::ok) co_return Result<void>();
    if (verdict.code == Code::too_many_tags) co_return fail(errors::too_many_tags());
    co_return fail(errors::stream_not_found());
}

std::vector<std::pair<std::string, std::string>> listed(const catalog::Tags& tags) {
    return {tags.begin(), tags.end()};
}

}  // namespace

Task<Result<api::TagStreamOutput>> tag_stream(VideoOp op, api::TagStreamInput request) {
    CO_TRY(const StreamRef stream, op.resolve(request.stream_name, request.stream_arn));
    catalog::TagObject command;
    command.object.uid = stream.uid();
    for (const auto& [key, value] : request.tags) command.add[std::string(key)] = value;
    CO_TRY_VOID(co_await change_tags(op, std::move(command)));
    co_return api::TagStreamOutput();
}

Task<Result<api::UntagStreamOutput>> untag_stream(VideoOp op, api::UntagStreamInput request) {
    CO_TRY(const StreamRef stream, op.resolve(request.stream_name, request.stream_arn));
    catalog::TagObject command;
    command.object.uid = stream.uid();
    for (const std::string_view key : request.tag_key_list) command.remove.emplace_back(key);
    CO_TRY_VOID(co_await change_tags(op, std::move(command)));
    co_return api::UntagStreamOutput();
}

Task<Result<api::ListTagsForStreamOutput>> list_tags_for_stream(VideoOp op, api::ListTagsForStreamInput request) {
    CO_TRY(const StreamRef stream, op.resolve(request.stream_name, request.stream_arn));
    api::ListTagsForStreamOutput output;
    output.tags = listed(stream.object->tags);  // at most 50: one page
    co_return output;
}

Task<Result<api::TagResourceOutput>> tag_resource(VideoOp op, api::TagResourceInput request) {
    CO_TRY(const StreamRef stream, op.resolve_arn(request.resource_arn));
    catalog::TagObject command;
    command.object.uid = stream.uid();
    for (const api::Tag& tag : request.tags) command.add[std::string(tag.key)] = tag.value;
    CO_TRY_VOID(co_await change_tags(op, std::move(command)));
    co_return api::TagResourceOutput();
}

Task<Result<api::UntagResourceOutput>> untag_resource(VideoOp op, api::UntagResourceInput request) {
    CO_TRY(const StreamRef stream, op.resolve_arn(request.resource_arn));
    catalog::TagObject command;
    command.object.uid = stream.uid();
    for (const std::string_view key : request.tag_key_list) command.remove.emplace_back(key);
    CO_TRY_VOID(co_await change_tags(op, std::move(command)));
    co_return api::UntagResourceOutput();
}

Task<Result<api::ListTagsForResourceOutput>> list_tags_for_resource(VideoOp op, api::ListTagsForResourceInput request) {
    CO_TRY(const StreamRef stream, op.resolve_arn(request.resource_arn));
    api::ListTagsForResourceOutput output;
    output.tags = listed(stream.object->tags);
    co_return output;
}

}  // namespace riacho::video
