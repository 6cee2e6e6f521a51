// Data Streams: what its operations share, and the handle each of them is given.
#pragma once

#include <memory>
#include <optional>
#include <string_view>

#include "aws/context.h"
#include "aws/error.h"
#include "base/u128.h"
#include "catalog/catalog.h"
#include "catalog/command.h"
#include "catalog/model.h"
#include "core/fwd.h"
#include "core/task_fwd.h"
#include "log/fwd.h"
#include "streams/metrics.h"
#include "streams/token.h"

namespace riacho::api::kinesis {}

namespace riacho::streams {

namespace api = riacho::api::kinesis;

using aws::Result;
using StreamRef = std::shared_ptr<const catalog::StreamState>;

// A shard and the stream that keeps it alive.
struct ShardRef {
    StreamRef stream;
    const catalog::ShardState* shard = nullptr;
};

class Subscriptions;
class DataKeys;
class Limits;
class Queues;
struct FaultOptions;

// What one process has of the service. Owned by the node, outlives every call; all members are thread-safe.
struct Service {
    catalog::Catalog& catalog;
    log::RecordLog& log;
    log::CommandLog& commands;
    core::Clock& clock;
    core::Rng& rng;
    const TokenSealer& tokens;
    StreamMetrics& metrics;
    Subscriptions& subscriptions;
    const DataKeys& data_keys;
    Limits& limits;
    Queues& queues;
    const FaultOptions& faults;
    std::int64_t transition_delay_ms;
    std::int32_t consumers_max;  // of a stream, queues counted
    core::MemoryBudget& memory;
};

// The stream's figures; they follow its enhanced monitoring.
std::shared_ptr<StreamCounters> counters_of(Service& service, const catalog::StreamState& stream);

// One call's view of the service. Trivially copyable, so coroutines take it by value.
class StreamsOp {
public:
    StreamsOp(aws::OpContext& context, Service& service) : context_(&context), service_(&service) {}

    // LimitExceededException when the account calls this more often than AWS allows, with --limits=aws.
    [[nodiscard]] std::optional<aws::ApiError> admit() const;

    [[nodiscard]] aws::OpContext& context() const { return *context_; }
    [[nodiscard]] core::Core& core() const { return context_->core(); }
    [[nodiscard]] std::string_view account() const { return context_->account(); }
    [[nodiscard]] std::string_view region() const { return context_->region(); }
    [[nodiscard]] TimestampMs now() const { return context_->now(); }
    [[nodiscard]] catalog::Catalog& catalog() const { return service_->catalog; }
    [[nodiscard]] log::RecordLog& log() const { return service_->log; }
    [[nodiscard]] const TokenSealer& tokens() const { return service_->tokens; }
    [[nodiscard]] Service& service() const { return *service_; }

    // The name a request means by StreamName and StreamARN, of which it must give one; both must agree. Only the
    // caller's own streams.
    [[nodiscard]] Result<std::string_view> stream_name(const std::optional<std::string_view>& name,
                                                       const std::optional<std::string_view>& arn) const;
    // The stream, in whatever state it is. ResourceNotFoundException when there is none. Another account's stream,
    // which only an ARN can name, if its resource policy lets the caller do this; else AccessDeniedException, whether
    // the stream exists or not.
    [[nodiscard]] Result<StreamRef> resolve(const std::optional<std::string_view>& name,
                                            const std::optional<std::string_view>& arn) const;
    [[nodiscard]] Result<StreamRef> resolve(std::string_view name) const;
    // A stream of any account, without asking any policy; null when there is none.
    [[nodiscard]] StreamRef find_by_arn(std::string_view arn) const;
    // A stream that takes records now: ACTIVE or UPDATING.
    [[nodiscard]] Result<StreamRef> resolve_writable(const std::optional<std::string_view>& name,
                                                     const std::optional<std::string_view>& arn) const;
    // A shard for reading, by the id a request gives. The id's syntax is judged before the stream is looked up (AWS,
    // spec 2.11); a stream that is still CREATING has no shards yet.
    [[nodiscard]] Result<ShardRef> resolve_shard(const std::optional<std::string_view>& name,
                                                 const std::optional<std::string_view>& arn,
                                                 std::string_view shard_id) const;
    // AccessDeniedException unless the resource policy lets the caller do this. `arn`: the resource as the request
    // named it, for the error text, which must not depend on what exists.
    [[nodiscard]] Result<void> check_policy(const catalog::StreamState& stream, std::string_view arn) const;
    [[nodiscard]] Result<void> check_policy(const catalog::ConsumerState& consumer, std::string_view arn) const;
    [[nodiscard]] aws::ApiError access_denied(std::string_view arn) const;
    [[nodiscard]] std::shared_ptr<StreamCounters> counters(const catalog::StreamState& stream) const {
        return counters_of(*service_, stream);
    }

    // Gives a command its place in the order and waits until it is durable.
    Task<Result<catalog::Verdict>> submit(const catalog::Command& command) const;

    // A shard of a stream that was found.
    [[nodiscard]] Result<ShardRef> shard_of(StreamRef stream, std::string_view shard_id) const;

    // Names a stream of another account, and the caller is one whom a policy can know.
    [[nodiscard]] bool is_foreign(std::string_view arn) const;

private:
    aws::OpContext* context_;
    Service* service_;
};

static_assert(std::is_trivially_copyable_v<StreamsOp>);

}  // namespace riacho::streams
