// TagDeliveryStream, UntagDeliveryStream, ListTagsForDeliveryStream.
#include "aws/gen/firehose/errors.gen.h"
#include "aws/gen/firehose/types_list_tags_for_delivery_stream.gen.h"
#include "aws/gen/firehose/types_tag_delivery_stream.gen.h"
#include "aws/gen/firehose/types_untag_delivery_stream.gen.h"
#include "base/try.h"
#include "core/task.h"
#include "firehose/ops/ops.h"
#include "firehose/validate.h"

namespace riacho::firehose {

namespace errors = api::errors;
using Code = catalog::Verdict::Code;

namespace {

Result<void> check(const catalog::Verdict& verdict, FirehoseOp op, std::string_view stream) {
    if (verdict.code == Code::too_many_tags) return fail(errors::too_many_tags(stream, op.account(), tags_max));
    if (verdict.code == Code::object_missing) return fail(errors::stream_not_found(stream, op.account()));
    return {};
}

}  // namespace

Task<Result<api::TagDeliveryStreamOutput>> tag_delivery_stream(FirehoseOp op, api::TagDeliveryStreamInput request) {
    CO_TRY(const StreamRef stream, op.resolve(request.delivery_stream_name));
    catalog::TagObject command;
    command.object.uid = stream.object->uid;
    command.add = tags_of(request.tags);
    CO_TRY(const catalog::Verdict verdict, co_await op.submit(std::move(command)));
    CO_TRY_VOID(check(verdict, op, request.delivery_stream_name));
    co_return api::TagDeliveryStreamOutput{};
}

Task<Result<api::UntagDeliveryStreamOutput>> untag_delivery_stream(FirehoseOp op,
                                                                   api::UntagDeliveryStreamInput request) {
    CO_TRY(const StreamRef stream, op.resolve(request.delivery_stream_name));
    catalog::TagObject command;
    command.object.uid = stream.object->uid;
    for (const std::string_view key : request.tag_keys) command.remove.emplace_back(key);
    CO_TRY(const catalog::Verdict verdict, co_await op.submit(std::move(command)));
    CO_TRY_VOID(check(verdict, op, request.delivery_stream_name));
    co_return api::UntagDeliveryStreamOutput{};
}

// Sorted by key.
Task<Result<api::ListTagsForDeliveryStreamOutput>> list_tags_for_delivery_stream(
    FirehoseOp op, api::ListTagsForDeliveryStreamInput request) {
    CO_TRY(const StreamRef stream, op.resolve(request.delivery_stream_name));
    const catalog::Tags& tags = stream.object->tags;
    const auto limit = static_cast<std::size_t>(request.limit.value_or(tags_max));
    auto tag = request.exclusive_start_tag_key ? tags.upper_bound(*request.exclusive_start_tag_key) : tags.begin();
    api::ListTagsForDeliveryStreamOutput output;
    for (; tag != tags.end(); ++tag) {
        if (output.tags.size() == limit) {
            output.has_more_tags = true;
            break;
        }
        api::Tag& shown = output.tags.emplace_back();
        shown.key = tag->first;
        shown.value = tag->second;
    }
    co_return output;
}

}  // namespace riacho::firehose
