// SplitShard, MergeShards and UpdateShardCount: each makes a plan, which the catalog carries out when UPDATING is over.
#include <algorithm>

#include "aws/gen/kinesis/errors.gen.h"
#include "aws/gen/kinesis/types_merge_shards.gen.h"
#include "aws/gen/kinesis/types_split_shard.gen.h"
#include "aws/gen/kinesis/types_update_shard_count.gen.h"
#include "base/try.h"
#include "core/task.h"
#include "streams/account.h"
#include "streams/configure.h"
#include "streams/describe.h"
#include "streams/limits.h"
#include "streams/ops/ops.h"
#include "streams/shards.h"

namespace riacho::streams {

namespace errors = api::errors;
using Plan = catalog::PendingReshard;
using Code = catalog::Verdict::Code;

namespace {

constexpr std::int32_t shards_per_stream_max = 10'000;  // AWS: spec 2.4

// AWS: the syntax of a shard id is checked before the stream is looked up [prod, spec 2.4].
Result<std::int32_t> shard_index(StreamsOp op, std::string_view stream, std::string_view id) {
    const auto index = parse_shard_id(id);
    if (!index) return fail(errors::shard_not_found(id, stream, op.account()));
    return *index;
}

// AWS: repeats the number as it was sent, even above 2^128.
aws::ApiError split_key_error(const catalog::StreamState& stream, const Plan& plan, std::string_view key) {
    const catalog::ShardState& shard = *stream.find_shard(plan.shard);
    return errors::split_key_out_of_range(key, shard_id(plan.shard), stream.name, stream.account,
                                          format_u128(shard.starting_hash_key), format_u128(shard.ending_hash_key));
}

// Converts the verdict on a plan to an error. split_key: the text of a split's NewStartingHashKey.
Result<void> to_result(const catalog::Verdict& verdict, const catalog::StreamState& stream, const Plan& plan,
                       std::string_view split_key) {
    const auto id = shard_id(static_cast<std::int32_t>(verdict.number));
    switch (verdict.code) {
        case Code::ok:
            return {};
        case Code::stream_not_active:
            return fail(errors::stream_not_active(stream.name, stream.account, name_of(to_api(verdict.status))));
        case Code::stream_on_demand:
            return fail(errors::stream_is_on_demand(stream.name, stream.account));
        case Code::shard_missing:
            return fail(errors::shard_not_found(id, stream.name, stream.account));
        case Code::shard_closed:
            return fail(errors::shard_already_resharded(id, stream.name, stream.account));
        case Code::shards_not_adjacent:
            return fail(errors::shards_not_adjacent(shard_id(plan.shard), shard_id(plan.adjacent_shard), stream.name,
                                                    stream.account));
        case Code::split_key_out_of_range:
            return fail(split_key_error(stream, plan, split_key));
        default:
            return fail(errors::stream_not_found(stream.name, stream.account));
    }
}

Task<Result<void>> submit_plan(StreamsOp op, StreamRef stream, Plan plan, std::string_view split_key = {}) {
    catalog::Reshard command;
    command.key = {stream->account, stream->region, stream->name};
    command.plan = plan;
    command.transition_ms = op.service().transition_delay_ms;
    CO_TRY(const catalog::Verdict verdict, co_await op.submit(std::move(command)));
    if (verdict.code == Code::ok) co_await finish_reshard(op, stream->uid);
    co_return to_result(verdict, *stream, plan, split_key);
}

// AWS: the default bounds of UpdateShardCount (spec 2.4).
Result<void> check_target(const catalog::StreamState& stream, std::int32_t target) {
    const std::int32_t current = stream.open_shard_count();
    if (target > shards_per_stream_max)
        return fail(errors::target_over_shard_limit(shards_per_stream_max, current, target));
    if (target > 2 * current) return fail(errors::scale_up_over_double(current, target));
    if (2 * target < current) return fail(errors::scale_down_below_half(current, target));
    return {};
}

// AWS: the shard quota of the account; checked before the split's hash key, and only if the shard exists.
Result<void> check_shard_quota(StreamsOp op, const catalog::StreamState& stream, std::int64_t additional) {
    if (!op.service().limits.enforced() || stream.mode == catalog::StreamMode::on_demand) return {};
    const std::int64_t shards = provisioned_shard_count(op);
    if (additional <= 0 || shards + additional <= account_shards_max) return {};
    return fail(errors::shard_limit_exceeded(op.account(), op.region(), shards, account_shards_max, additional));
}

constexpr std::size_t shard_counts_a_day = 10;  // AWS: successes in a rolling 24 h (spec 2.4)

}  // namespace

Task<Result<api::SplitShardOutput>> split_shard(StreamsOp op, api::SplitShardInput request) {
    CO_TRY(const std::string_view name, op.stream_name(request.stream_name, request.stream_arn));
    Plan plan;
    plan.kind = Plan::Kind::split;
    CO_TRY(plan.shard, shard_index(op, name, request.shard_to_split));
    CO_TRY(const StreamRef stream, op.resolve(name));
    if (stream->status(op.now()) == catalog::StreamStatus::active && stream->find_shard(plan.shard) != nullptr) {
        CO_TRY_VOID(check_shard_quota(op, *stream, 1));
    }
    const auto key = parse_u128(request.new_starting_hash_key);
    // The pattern allows 39 digits. A number above the hash-key space is in no shard and is treated as the space's last
    // number.
    plan.new_starting_hash_key = key.value_or(u128_max);
    CO_TRY_VOID(co_await submit_plan(op, stream, plan, request.new_starting_hash_key));
    co_return api::SplitShardOutput{};
}

Task<Result<api::MergeShardsOutput>> merge_shards(StreamsOp op, api::MergeShardsInput request) {
    CO_TRY(const std::string_view name, op.stream_name(request.stream_name, request.stream_arn));
    Plan plan;
    plan.kind = Plan::Kind::merge;
    CO_TRY(plan.shard, shard_index(op, name, request.shard_to_merge));
    CO_TRY(plan.adjacent_shard, shard_index(op, name, request.adjacent_shard_to_merge));
    CO_TRY(const StreamRef stream, op.resolve(name));
    CO_TRY_VOID(co_await submit_plan(op, stream, plan));
    co_return api::MergeShardsOutput{};
}

Task<Result<api::UpdateShardCountOutput>> update_shard_count(StreamsOp op, api::UpdateShardCountInput request) {
    CO_TRY(const StreamRef stream, op.resolve(request.stream_name, request.stream_arn));
    const catalog::StreamStatus status = stream->status(op.now());
    if (status != catalog::StreamStatus::active) {
        co_return fail(errors::stream_not_active(stream->name, stream->account, name_of(to_api(status))));
    }
    if (stream->mode == catalog::StreamMode::on_demand) {
        co_return fail(errors::stream_is_on_demand(stream->name, stream->account));
    }
    CO_TRY_VOID(check_target(*stream, request.target_shard_count));
    CO_TRY_VOID(check_shard_quota(op, *stream, request.target_shard_count - stream->open_shard_count()));
    Limits& limits = op.service().limits;
    if (!limits.has_daily(stream->uid, op.context().operation(), shard_counts_a_day, op.now())) {
        co_return fail(errors::update_shard_count_rate_exceeded(shard_counts_a_day, stream->name, stream->account));
    }
    Plan plan;
    plan.kind = Plan::Kind::uniform;
    plan.target_shard_count = static_cast<std::uint32_t>(request.target_shard_count);
    CO_TRY_VOID(co_await submit_plan(op, stream, plan));
    limits.count_daily(stream->uid, op.context().operation(), op.now());
    api::UpdateShardCountOutput output;
    output.stream_name = stream->name;
    output.stream_arn = stream->arn;
    output.current_shard_count = stream->open_shard_count();
    output.target_shard_count = request.target_shard_count;
    co_return output;
}

}  // namespace riacho::streams
