#include "streams/resources.h"

#include <algorithm>

#include "aws/arn.h"
#include "aws/gen/kinesis/errors.gen.h"
#include "base/try.h"
#include "streams/consumers.h"
#include "streams/describe.h"

namespace riacho::streams {

namespace errors = api::errors;
using catalog::ObjectState;

Result<std::shared_ptr<const ObjectState>> resolve_resource(StreamsOp op, ObjectState::Kind kind,
                                                            std::string_view arn) {
    auto resource = op.catalog().snapshot()->find_object(arn);
    const bool found = resource != nullptr && resource->kind == kind && !resource->is_gone(op.now()) &&
                       resource->account == op.account() && resource->region == op.region();
    if (found) return resource;
    return fail(errors::resource_not_found(kind == ObjectState::Kind::queue ? "Queue" : "Channel", arn, op.account()));
}

Result<AnyResource> resolve_any(StreamsOp op, std::string_view arn) {
    const auto parsed = aws::parse_arn(arn);
    AnyResource found;
    if (parsed && parsed->resource.starts_with("channel/")) {
        TRY(found.resource, resolve_resource(op, ObjectState::Kind::channel, arn));
    } else if (parsed && parsed->resource.starts_with("queue/")) {
        TRY(found.resource, resolve_resource(op, ObjectState::Kind::queue, arn));
    } else if (arn.contains("/consumer/")) {
        TRY(ConsumerRef consumer, resolve_consumer(op, arn, std::nullopt, std::nullopt));
        found.stream = std::move(consumer.stream);
        found.consumer = consumer.consumer;
    } else {
        TRY(found.stream, op.resolve(std::nullopt, arn));
    }
    return found;
}

std::vector<std::shared_ptr<const ObjectState>> resources_of(StreamsOp op, ObjectState::Kind kind) {
    auto all = op.catalog().snapshot()->objects_of(kind, op.account(), op.region());
    std::erase_if(all, [&](const auto& object) { return object->is_gone(op.now()); });
    std::ranges::sort(all, {}, [](const auto& object) -> const std::string& { return object->arn; });
    return all;
}

Result<void> check_source(const catalog::Verdict& verdict, const catalog::StreamState& stream) {
    if (verdict.code == catalog::Verdict::Code::stream_missing) {
        return fail(errors::stream_not_found(stream.name, stream.account));
    }
    if (verdict.code == catalog::Verdict::Code::stream_not_active) {
        return fail(errors::stream_not_active(stream.name, stream.account, name_of(to_api(verdict.status))));
    }
    return {};
}

std::int32_t resource_count(StreamsOp op, ObjectState::Kind kind, const catalog::StreamState& stream) {
    const auto all = op.catalog().snapshot()->objects_over(stream.uid);
    return static_cast<std::int32_t>(std::ranges::count_if(
        all, [&](const auto& object) { return object->kind == kind && !object->is_gone(op.now()); }));
}

}  // namespace riacho::streams
