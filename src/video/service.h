// Video Streams: the state that its operations share, and the handle passed to each call.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>

#include "aws/context.h"
#include "aws/error.h"
#include "catalog/catalog.h"
#include "catalog/command.h"
#include "core/fwd.h"
#include "core/task_fwd.h"
#include "log/fwd.h"
#include "video/stream.h"

namespace riacho::aws {
class TokenSealer;
}

namespace riacho::video {

using aws::Result;

class Playback;
class StreamHomes;
class VideoMetrics;

// Options of an operator. Times in milliseconds.
struct VideoOptions {
    std::string advertise_url;                     // "https://video.example.org"; empty: the address the client used
    std::string listen_url;                        // used when a client sends no host
    std::int64_t transition_delay_ms = 0;          // duration of DELETING
    std::int64_t connection_ms_max = 45 * 60'000;  // of one PutMedia call; 0: unlimited
    std::size_t sessions_max = 2'000;              // PutMedia calls at one time
    // PutMedia calls on one stream at one time. AWS: one, and for a short time a second one that takes over when
    // credentials rotate (video spec 3.9).
    std::size_t writers_max = 2;
};

// The service's objects in one process. Owned by the node, outlives every call; all members are thread-safe.
struct Service {
    catalog::Catalog& catalog;
    log::RecordLog& log;
    log::CommandLog& commands;
    core::Clock& clock;
    core::Rng& rng;
    const aws::TokenSealer& tokens;
    core::MemoryBudget& memory;
    StreamHomes& homes;
    VideoMetrics& metrics;
    Playback& playback;
    const VideoOptions& options;
};

// One call's view of the service. Trivially copyable, so coroutines take it by value.
class VideoOp {
public:
    VideoOp(aws::OpContext& context, Service& service) : context_(&context), service_(&service) {}

    [[nodiscard]] std::optional<aws::ApiError> admit() const { return std::nullopt; }

    [[nodiscard]] aws::OpContext& context() const { return *context_; }
    [[nodiscard]] core::Core& core() const { return context_->core(); }
    [[nodiscard]] std::string_view account() const { return context_->account(); }
    [[nodiscard]] std::string_view region() const { return context_->region(); }
    [[nodiscard]] TimestampMs now() const { return context_->now(); }
    [[nodiscard]] catalog::Catalog& catalog() const { return service_->catalog; }
    [[nodiscard]] Service& service() const { return *service_; }

    // The stream given by name, by ARN or by both, which must agree; in any status. InvalidArgumentException when
    // neither is given, ResourceNotFoundException when there is no such stream.
    [[nodiscard]] Result<StreamRef> resolve(const std::optional<std::string_view>& name,
                                            const std::optional<std::string_view>& arn) const;
    [[nodiscard]] Result<StreamRef> resolve_arn(std::string_view arn) const;
    // The same for operations on fragments: ResourceNotFoundException also for a stream that is CREATING or DELETING.
    [[nodiscard]] Result<StreamRef> resolve_active(const std::optional<std::string_view>& name,
                                                   const std::optional<std::string_view>& arn) const;
    // An ACTIVE stream whose version is the given one.
    [[nodiscard]] Result<StreamRef> resolve_version(const std::optional<std::string_view>& name,
                                                    const std::optional<std::string_view>& arn,
                                                    std::string_view version) const;

    // Gives a command its place in the order and waits until it is durable.
    Task<Result<catalog::Verdict>> submit(const catalog::Command& command) const;

private:
    aws::OpContext* context_;
    Service* service_;
};

static_assert(std::is_trivially_copyable_v<VideoOp>);

}  // namespace riacho::video
