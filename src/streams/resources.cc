#include "streams/resources.h"

#include <algorithm>

#include "aws/arn.h"
#include "aws/gen/kinesis/errors.gen.h"
#include "base/try.h"
#include "streams/consumers.h"
#include "streams/describe.h"

namespace riacho::streams {

namespace errors = api::errors;
using catalog::ResourceState;

Result<std::shared_ptr<const ResourceState>> resolve_resource(StreamsOp op, ResourceState::Kind kind,
                                                              std::string_view arn) {
    auto resource = op.catalog().snapshot()->find_resource(arn);
    const bool found = resource != nullptr && resource->kind == kind && !resource->is_gone(op.now()) &&
                       resource->account == op.account() && resource->region == op.region();
    if (found) return resource;
    return fail(
        errors::resource_not_found(kind == ResourceState::Kind::queue ? "Queue" : "Channel", arn, op.account()));
}

Result<AnyResource> resolve_any(StreamsOp op, std::string_view arn) {
    const auto parsed = aws::parse_arn(arn);
    AnyResource found;
    if (parsed && parsed->resource.starts_with("channel/")) {
        TRY(found.resource, resolve_resource(op, ResourceState::Kind::channel, arn));
    } else if (parsed && parsed->resource.starts_with("queue/")) {
        TRY(found.resource, resolve_resource(op, ResourceState::Kind::queue, arn));
    } else if (arn.contains("/consumer/")) {
        TRY(ConsumerRef consumer, resolve_consumer(op, arn, std::nullopt, std::nullopt));
        found.stream = std::move(consumer.stream);
        found.consumer = consumer.consumer;
    } else {
        TRY(found.stream, op.resolve(std::nullopt, arn));
    }
    return found;
}

std::vector<std::shared_ptr<const ResourceState>> resources_of(StreamsOp op, ResourceState::Kind kind) {
    auto all = op.catalog().snapshot()->resources();
    std::erase_if(all, [&](const auto& resource) {
        return resource->kind != kind || resource->is_gone(op.now()) || resource->account != op.account() ||
               resource->region != op.region();
    });
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

std::int32_t resource_count(StreamsOp op, ResourceState::Kind kind, const catalog::StreamState& stream) {
    const auto all = op.catalog().snapshot()->resources();
    return static_cast<std::int32_t>(std::ranges::count_if(all, [&](const auto& resource) {
        return resource->kind == kind && resource->stream_uid == stream.uid && !resource->is_gone(op.now());
    }));
}

}  // namespace riacho::streams
