// Service: the state of Data Streams, and StreamsOp, the handle that its operations receive.
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

// A shard, and the stream whose snapshot owns it.
struct ShardRef {
    StreamRef stream;
    const catalog::ShardState* shard = nullptr;
};

class Subscriptions;
class DataKeys;
class Limits;
class Queues;
struct FaultOptions;

// The service's state in one process. Owned by the node, outlives every call; all members are thread-safe.
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
    std::int32_t consumers_max;  // of one stream, counting queues
    core::MemoryBudget& memory;
};

// The stream's counters, with the shard-level metrics that its enhanced monitoring enables.
std::shared_ptr<StreamCounters> counters_of(Service& service, const catalog::StreamState& stream);

// One call's view of the service. Trivially copyable, so coroutines take it by value.
class StreamsOp {
public:
    StreamsOp(aws::OpContext& context, Service& service) : context_(&context), service_(&service) {}

    // LimitExceededException when, with --limits=aws, the account calls this operation more often than AWS allows.
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

    // The stream's name from StreamName and StreamARN, of which a request must have at least one; both must agree. Only
    // the caller's own streams.
    [[nodiscard]] Result<std::string_view> stream_name(const std::optional<std::string_view>& name,
                                                       const std::optional<std::string_view>& arn) const;
    // The stream, in any state. ResourceNotFoundException when there is none. A stream of another account, which only
    // an ARN can name, is returned if its resource policy allows the call; else the error is AccessDeniedException,
    // whether the stream exists or not.
    [[nodiscard]] Result<StreamRef> resolve(const std::optional<std::string_view>& name,
                                            const std::optional<std::string_view>& arn) const;
    [[nodiscard]] Result<StreamRef> resolve(std::string_view name) const;
    // A stream of any account, without a policy check; null when there is none.
    [[nodiscard]] StreamRef find_by_arn(std::string_view arn) const;
    // A stream that accepts records now: ACTIVE or UPDATING.
    [[nodiscard]] Result<StreamRef> resolve_writable(const std::optional<std::string_view>& name,
                                                     const std::optional<std::string_view>& arn) const;
    // A shard for reading, by the id in a request. The id's syntax is checked before the stream is looked up (AWS, spec
    // 2.11); a stream that is still CREATING has no shards yet.
    [[nodiscard]] Result<ShardRef> resolve_shard(const std::optional<std::string_view>& name,
                                                 const std::optional<std::string_view>& arn,
                                                 std::string_view shard_id) const;
    // AccessDeniedException unless the resource policy allows the call. `arn`: the resource as in the request, for the
    // error text, which must not depend on the resource's existence.
    [[nodiscard]] Result<void> check_policy(const catalog::StreamState& stream, std::string_view arn) const;
    [[nodiscard]] Result<void> check_policy(const catalog::ConsumerState& consumer, std::string_view arn) const;
    [[nodiscard]] aws::ApiError access_denied(std::string_view arn) const;
    [[nodiscard]] std::shared_ptr<StreamCounters> counters(const catalog::StreamState& stream) const {
        return counters_of(*service_, stream);
    }

    // Orders a command and waits until it is durable.
    Task<Result<catalog::Verdict>> submit(const catalog::Command& command) const;

    // A shard of a stream by the id in a request.
    [[nodiscard]] Result<ShardRef> shard_of(StreamRef stream, std::string_view shard_id) const;

    // Whether the ARN names a resource of another account in this region, and the caller is a user that a policy can
    // name.
    [[nodiscard]] bool is_foreign(std::string_view arn) const;

private:
    aws::OpContext* context_;
    Service* service_;
};

static_assert(std::is_trivially_copyable_v<StreamsOp>);

}  // namespace riacho::streams
