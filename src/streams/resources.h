// Resolves ARNs in requests: of a stream, a consumer, a channel or a queue.
#pragma once

#include <memory>
#include <string_view>

#include "catalog/command.h"
#include "catalog/model.h"
#include "streams/service.h"

namespace riacho::streams {

// Exactly one of three: a consumer with its stream, a stream alone, or a resource.
struct AnyResource {
    StreamRef stream;
    const catalog::ConsumerState* consumer = nullptr;
    std::shared_ptr<const catalog::ObjectState> resource;

    [[nodiscard]] const catalog::Tags& tags() const {
        if (resource != nullptr) return resource->tags;
        return consumer != nullptr ? consumer->tags : stream->tags;
    }
};

// Finds the caller's resource. ResourceNotFoundException when there is none.
Result<AnyResource> resolve_any(StreamsOp op, std::string_view arn);

// Finds a channel or a queue by its ARN.
Result<std::shared_ptr<const catalog::ObjectState>> resolve_resource(StreamsOp op, catalog::ObjectState::Kind kind,
                                                                     std::string_view arn);
// The resources of one kind in the caller's account and region that are not gone, by ARN.
std::vector<std::shared_ptr<const catalog::ObjectState>> resources_of(StreamsOp op, catalog::ObjectState::Kind kind);
// Maximum number of attempts of a change that is based on an outdated version of the object.
inline constexpr int replace_attempts_max = 8;
// The error of a command that creates a resource over a stream, if the stream could not be read.
Result<void> check_source(const catalog::Verdict& verdict, const catalog::StreamState& stream);
// The number of resources of a kind that read the stream.
std::int32_t resource_count(StreamsOp op, catalog::ObjectState::Kind kind, const catalog::StreamState& stream);

}  // namespace riacho::streams
