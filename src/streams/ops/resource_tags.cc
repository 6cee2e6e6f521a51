// TagResource, UntagResource, ListTagsForResource: tags by ARN, for streams, consumers, channels and queues.
#include "aws/gen/kinesis/errors.gen.h"
#include "aws/gen/kinesis/types_list_tags_for_resource.gen.h"
#include "aws/gen/kinesis/types_tag_resource.gen.h"
#include "aws/gen/kinesis/types_untag_resource.gen.h"
#include "base/try.h"
#include "core/task.h"
#include "streams/configure.h"
#include "streams/ops/ops.h"
#include "streams/resources.h"
#include "streams/tags.h"

namespace riacho::streams {

namespace errors = api::errors;

namespace {

Result<void> check(const catalog::Verdict& verdict, std::string_view arn, std::string_view account) {
    if (verdict.code == catalog::Verdict::Code::ok) return {};
    if (verdict.code == catalog::Verdict::Code::too_many_tags) return fail(errors::too_many_tags(arn, account));
    return fail(errors::stream_not_found(arn, account));
}

catalog::Command retag(const AnyResource& found, catalog::Tags add, std::vector<std::string> remove) {
    if (found.resource != nullptr) {
        return catalog::TagObject{{found.resource->uid, {}}, std::move(add), std::move(remove)};
    }
    if (found.consumer != nullptr) {
        catalog::ConfigureConsumer command;
        command.key = key_of(*found.stream);
        command.name = found.consumer->name;
        command.add_tags = std::move(add);
        command.remove_tags = std::move(remove);
        return command;
    }
    if (!remove.empty()) return catalog::RemoveTags{key_of(*found.stream), std::move(remove)};
    return catalog::AddTags{key_of(*found.stream), std::move(add)};
}

}  // namespace

Task<Result<api::TagResourceOutput>> tag_resource(StreamsOp op, api::TagResourceInput request) {
    CO_TRY(const AnyResource found, resolve_any(op, request.resource_arn));
    CO_TRY(catalog::Tags tags, checked_tags(request.tags, request.resource_arn, op.account()));
    CO_TRY(const catalog::Verdict verdict, co_await op.submit(retag(found, std::move(tags), {})));
    CO_TRY_VOID(check(verdict, request.resource_arn, op.account()));
    co_return api::TagResourceOutput{};
}

Task<Result<api::UntagResourceOutput>> untag_resource(StreamsOp op, api::UntagResourceInput request) {
    CO_TRY(const AnyResource found, resolve_any(op, request.resource_arn));
    CO_TRY(std::vector<std::string> keys, checked_tag_keys(request.tag_keys, request.resource_arn, op.account()));
    CO_TRY(const catalog::Verdict verdict, co_await op.submit(retag(found, {}, std::move(keys))));
    CO_TRY_VOID(check(verdict, request.resource_arn, op.account()));
    co_return api::UntagResourceOutput{};
}

Task<Result<api::ListTagsForResourceOutput>> list_tags_for_resource(StreamsOp op,
                                                                    api::ListTagsForResourceInput request) {
    CO_TRY(const AnyResource found, resolve_any(op, request.resource_arn));
    api::ListTagsForResourceOutput output;
    output.tags.emplace();
    for (const auto& [key, value] : found.tags()) {
        api::Tag& tag = output.tags->emplace_back();
        tag.key = key;
        tag.value = value;
    }
    co_return output;
}

}  // namespace riacho::streams
