#include <algorithm>

#include "aws/gen/kinesis/errors.gen.h"
#include "aws/gen/kinesis/types_add_tags_to_stream.gen.h"
#include "aws/gen/kinesis/types_list_tags_for_stream.gen.h"
#include "aws/gen/kinesis/types_remove_tags_from_stream.gen.h"
#include "base/try.h"
#include "core/task.h"
#include "streams/configure.h"
#include "streams/ops/ops.h"
#include "streams/tags.h"

namespace riacho::streams {

namespace errors = api::errors;

namespace {

constexpr std::int32_t tags_max = 50;

Result<void> to_result(const catalog::Verdict& verdict, const catalog::StreamState& stream) {
    if (verdict.code == catalog::Verdict::Code::stream_missing)
        return fail(errors::stream_not_found(stream.name, stream.account));
    if (verdict.code == catalog::Verdict::Code::too_many_tags)
        return fail(errors::too_many_tags(stream.name, stream.account));
    return {};
}

}  // namespace

Task<Result<api::AddTagsToStreamOutput>> add_tags_to_stream(StreamsOp op, api::AddTagsToStreamInput request) {
    CO_TRY(const StreamRef stream, op.resolve(request.stream_name, request.stream_arn));
    catalog::AddTags command;
    command.key = key_of(*stream);
    CO_TRY(command.tags, checked_tags(request.tags, stream->name, stream->account));
    CO_TRY(const catalog::Verdict verdict, co_await op.submit(std::move(command)));
    CO_TRY_VOID(to_result(verdict, *stream));
    co_return api::AddTagsToStreamOutput{};
}

Task<Result<api::RemoveTagsFromStreamOutput>> remove_tags_from_stream(StreamsOp op,
                                                                      api::RemoveTagsFromStreamInput request) {
    CO_TRY(const StreamRef stream, op.resolve(request.stream_name, request.stream_arn));
    catalog::RemoveTags command;
    command.key = key_of(*stream);
    CO_TRY(command.names, checked_tag_keys(request.tag_keys, stream->name, stream->account));
    CO_TRY(const catalog::Verdict verdict, co_await op.submit(std::move(command)));
    CO_TRY_VOID(to_result(verdict, *stream));
    co_return api::RemoveTagsFromStreamOutput{};
}

Task<Result<api::ListTagsForStreamOutput>> list_tags_for_stream(StreamsOp op, api::ListTagsForStreamInput request) {
    CO_TRY(const StreamRef stream, op.resolve(request.stream_name, request.stream_arn));
    const auto limit = static_cast<std::size_t>(request.limit.value_or(tags_max));
    const auto first = request.exclusive_start_tag_key ? stream->tags.upper_bound(*request.exclusive_start_tag_key)
                                                       : stream->tags.begin();
    api::ListTagsForStreamOutput output;
    for (auto tag = first; tag != stream->tags.end(); ++tag) {
        if (output.tags.size() == limit) {
            output.has_more_tags = true;
            break;
        }
        api::Tag& out = output.tags.emplace_back();
        out.key = tag->first;
        out.value = tag->second;
    }
    co_return output;
}

}  // namespace riacho::streams
