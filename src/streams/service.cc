#include "streams/service.h"

#include <fmt/format.h>

#include <algorithm>
#include <span>

#include "aws/arn.h"
#include "aws/gen/kinesis/errors.gen.h"
#include "aws/policy.h"
#include "base/try.h"
#include "core/clock.h"
#include "core/task.h"
#include "log/command_log.h"
#include "log/record_log.h"
#include "streams/limits.h"
#include "streams/shards.h"
#include "streams/sharing.h"

namespace riacho::streams {

namespace errors = api::errors;

namespace {

// Not a member function: a member coroutine would keep `this`, and handles are often temporaries.
Task<Result<catalog::Verdict>> submit_command(log::CommandLog& log, core::Core& core, std::string command) {
    const auto result = co_await log.submit(core, std::move(command));
    if (result) co_return catalog::decode_verdict(result->reply);
    // AWS: a control-plane call that cannot be stored now may be retried.
    co_return fail(log::is_unavailable(result.error()) ? errors::storage_unavailable() : errors::internal_failure());
}

std::string action_of(const aws::OpContext& caller) { return fmt::format("kinesis:{}", caller.operation()); }

// A wildcard in a policy covers only the actions that can be shared: changes of settings and of the policy are reserved
// to the owner.
bool allows(const aws::OpContext& caller, std::string_view policy, std::string_view resource_arn,
            std::span<const std::string_view> shared) {
    const std::string action = action_of(caller);
    if (policy.empty() || std::ranges::find(shared, action) == shared.end()) return false;
    const auto parsed = aws::Policy::parse(policy);
    const aws::PolicyQuestion question{caller.account(), caller.user(), action, resource_arn};
    return parsed && parsed->ask(question) == aws::PolicyAnswer::allow;
}

}  // namespace

std::optional<aws::ApiError> StreamsOp::admit() const {
    const bool admitted =
        service_->limits.call(account(), region(), context_->operation(), service_->clock.monotonic());
    if (admitted) return std::nullopt;
    return errors::account_call_rate_exceeded(account());
}

Result<std::string_view> StreamsOp::stream_name(const std::optional<std::string_view>& name,
                                                const std::optional<std::string_view>& arn) const {
    if (!arn) {
        // AWS: the text for a request without name and ARN is not known; clients older than StreamARN saw this one
        // (spec 3.4).
        if (!name) return fail(errors::member_must_not_be_null("streamName"));
        return *name;
    }
    const auto parsed = aws::parse_arn(*arn);
    const auto named = parsed ? aws::stream_of_resource(parsed->resource) : std::nullopt;
    if (!named) return fail(errors::stream_not_found(*arn, account()));
    if (name && *name != *named) return fail(errors::name_and_arn_disagree(*arn, *name));
    // AWS: a stream of another account or region is not found (spec 2.1, stream addressing).
    if (parsed->account != account() || parsed->region != region())
        return fail(errors::stream_not_found(*arn, account()));
    return *named;
}

Result<StreamRef> StreamsOp::resolve(const std::optional<std::string_view>& name,
                                     const std::optional<std::string_view>& arn) const {
    if (arn && is_foreign(*arn)) {
        const auto named = aws::stream_of_resource(aws::parse_arn(*arn)->resource);
        if (name && named && *name != *named) return fail(errors::name_and_arn_disagree(*arn, *name));
        StreamRef stream = find_by_arn(*arn);
        if (stream == nullptr) return fail(access_denied(*arn));
        TRY_VOID(check_policy(*stream, *arn));
        return stream;
    }
    TRY(const std::string_view wanted, stream_name(name, arn));
    return resolve(wanted);
}

bool StreamsOp::is_foreign(std::string_view arn) const {
    const auto parsed = aws::parse_arn(arn);
    return parsed && parsed->account != account() && parsed->region == region() && !context_->user().empty();
}

StreamRef StreamsOp::find_by_arn(std::string_view arn) const {
    const auto parsed = aws::parse_arn(arn);
    const auto named = parsed ? aws::stream_of_resource(parsed->resource) : std::nullopt;
    if (!named) return nullptr;
    StreamRef stream = catalog().snapshot()->find(parsed->account, parsed->region, *named);
    return stream == nullptr || stream->is_gone(now()) ? nullptr : stream;
}

aws::ApiError StreamsOp::access_denied(std::string_view arn) const {
    const std::string user = fmt::format("arn:aws:iam::{}:user/{}", account(), context_->user());
    return errors::access_denied(user, action_of(*context_), arn);
}

Result<void> StreamsOp::check_policy(const catalog::StreamState& stream, std::string_view arn) const {
    if (allows(*context_, stream.policy, stream.arn, shared_by_streams)) return {};
    return fail(access_denied(arn));
}

Result<void> StreamsOp::check_policy(const catalog::ConsumerState& consumer, std::string_view arn) const {
    if (allows(*context_, consumer.policy, consumer.arn, shared_by_consumers)) return {};
    return fail(access_denied(arn));
}

Result<StreamRef> StreamsOp::resolve(std::string_view name) const {
    StreamRef stream = catalog().snapshot()->find(account(), region(), name);
    if (stream == nullptr || stream->is_gone(now())) return fail(errors::stream_not_found(name, account()));
    return stream;
}

Result<StreamRef> StreamsOp::resolve_writable(const std::optional<std::string_view>& name,
                                              const std::optional<std::string_view>& arn) const {
    TRY(StreamRef stream, resolve(name, arn));
    // AWS: a stream in CREATING is not found by calls with records [prod]; a stream in DELETING may accept records or
    // not, and is not found here.
    const catalog::StreamStatus status = stream->status(now());
    if (status == catalog::StreamStatus::creating || status == catalog::StreamStatus::deleting) {
        return fail(errors::stream_not_found(stream->name, account()));
    }
    return stream;
}

Result<ShardRef> StreamsOp::resolve_shard(const std::optional<std::string_view>& name,
                                          const std::optional<std::string_view>& arn, std::string_view id) const {
    const bool foreign = arn && is_foreign(*arn);
    StreamRef stream;
    if (foreign) {
        TRY(stream, resolve(name, arn));
    } else {
        TRY(const std::string_view wanted, stream_name(name, arn));
        if (!parse_shard_id(id)) return fail(errors::shard_not_found(id, wanted, account()));
        stream = catalog().snapshot()->find(account(), region(), wanted);
        if (stream == nullptr) {
            return fail(errors::shard_does_not_exist(shard_id(*parse_shard_id(id)), wanted, account()));
        }
    }
    return shard_of(std::move(stream), id);
}

Result<ShardRef> StreamsOp::shard_of(StreamRef stream, std::string_view id) const {
    const auto index = parse_shard_id(id);
    if (!index) return fail(errors::shard_not_found(id, stream->name, account()));
    const catalog::ShardState* shard = nullptr;
    if (!stream->is_gone(now()) && stream->status(now()) != catalog::StreamStatus::creating) {
        shard = stream->find_shard(*index);
    }
    if (shard == nullptr || is_expired(*stream, *shard, service_->clock)) {
        return fail(errors::shard_does_not_exist(shard_id(*index), stream->name, account()));
    }
    return ShardRef{std::move(stream), shard};
}

Task<Result<catalog::Verdict>> StreamsOp::submit(const catalog::Command& command) const {
    return submit_command(service_->commands, context_->core(), catalog::encode(command));
}

std::shared_ptr<StreamCounters> counters_of(Service& service, const catalog::StreamState& stream) {
    auto counters = service.metrics.of(stream.uid, stream.account, stream.region, stream.name);
    if (counters->shard_metrics.load(std::memory_order_relaxed) != stream.shard_metrics) {
        counters->shard_metrics.store(stream.shard_metrics, std::memory_order_relaxed);
    }
    return counters;
}

}  // namespace riacho::streams
