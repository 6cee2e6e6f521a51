// Whatever an ARN in a request may name: a stream, one of its consumers, a channel or a queue.
#pragma once

#include <memory>
#include <string_view>

#include "catalog/command.h"
#include "catalog/model.h"
#include "streams/service.h"

namespace riacho::streams {

// Exactly one of the three is meant: a consumer with its stream, a stream alone, or a resource.
struct AnyResource {
    StreamRef stream;
    const catalog::ConsumerState* consumer = nullptr;
    std::shared_ptr<const catalog::ObjectState> resource;

    [[nodiscard]] const catalog::Tags& tags() const {
        if (resource != nullptr) return resource->tags;
        return consumer != nullptr ? consumer->tags : stream->tags;
    }
};

// The caller's own. ResourceNotFoundException when there is none.
Result<AnyResource> resolve_any(StreamsOp op, std::string_view arn);

// A channel or a queue by its ARN.
Result<std::shared_ptr<const catalog::ObjectState>> resolve_resource(StreamsOp op, catalog::ObjectState::Kind kind,
                                                                     std::string_view arn);
// The living resources of one kind that the caller's account has here, by ARN.
std::vector<std::shared_ptr<const catalog::ObjectState>> resources_of(StreamsOp op, catalog::ObjectState::Kind kind);
// The command that gives an object new settings, if it is still the version they were made from; with a transition_ms
// it has to be ACTIVE and is UPDATING for that time.
catalog::ReplaceObjects replace_object(const catalog::ObjectState& object, std::string settings,
                                       std::int64_t transition_ms);
// How often a change that was made from an older version is made again from the newer one.
inline constexpr int replace_attempts_max = 8;
// Whether the stream was fit to be read when a resource over it was made.
Result<void> check_source(const catalog::Verdict& verdict, const catalog::StreamState& stream);
// How many of a kind read the stream.
std::int32_t resource_count(StreamsOp op, catalog::ObjectState::Kind kind, const catalog::StreamState& stream);

}  // namespace riacho::streams
