#include "aws/arn.h"
#include "aws/gen/kinesis/errors.gen.h"
#include "aws/gen/kinesis/types_create_stream.gen.h"
#include "base/try.h"
#include "core/task.h"
#include "streams/account.h"
#include "streams/configure.h"
#include "streams/limits.h"
#include "streams/ops/ops.h"
#include "streams/tags.h"

namespace riacho::streams {

namespace errors = api::errors;

namespace {

constexpr std::uint32_t default_shards = 4;  // AWS: without a shard count, and on demand (spec 2.2)

// AWS: streams and shards of an account, with the default quotas of the largest regions (spec 2.1 and 4.10).
Result<void> check_quotas(StreamsOp op, const catalog::CreateStream& command) {
    constexpr std::int64_t changing_max = 5;
    constexpr std::int64_t on_demand_max = 50;
    std::int64_t changing = 0;
    std::int64_t on_demand = 0;
    for (const auto& stream : op.catalog().snapshot()->streams_of(op.account(), op.region())) {
        if (stream->is_gone(op.now())) continue;
        if (stream->name == command.key.name) return {};  // the command itself reports the existing stream
        const catalog::StreamStatus status = stream->status(op.now());
        if (status == catalog::StreamStatus::creating || status == catalog::StreamStatus::deleting) ++changing;
        if (stream->mode == catalog::StreamMode::on_demand) ++on_demand;
    }
    if (changing >= changing_max) return fail(errors::too_many_changing_streams(changing_max));
    if (command.mode == catalog::StreamMode::on_demand) {
        if (on_demand < on_demand_max) return {};
        return fail(errors::on_demand_stream_limit_exceeded(op.account(), op.region(), on_demand, on_demand_max));
    }
    const std::int64_t shards = provisioned_shard_count(op);
    if (shards + command.shard_count <= account_shards_max) return {};
    return fail(
        errors::shard_limit_exceeded(op.account(), op.region(), shards, account_shards_max, command.shard_count));
}

}  // namespace

Task<Result<api::CreateStreamOutput>> create_stream(StreamsOp op, api::CreateStreamInput request) {
    const bool on_demand =
        request.stream_mode_details && request.stream_mode_details->stream_mode == api::StreamMode::on_demand;
    if (on_demand && request.shard_count) co_return fail(errors::shard_count_with_on_demand());
    if (request.shard_count.value_or(0) > account_shards_max) {
        co_return fail(
            errors::shard_limit_exceeded(op.account(), op.region(), 0, account_shards_max, *request.shard_count));
    }
    catalog::CreateStream command;
    command.key = {std::string(op.account()), std::string(op.region()), std::string(request.stream_name)};
    command.arn = aws::stream_arn(op.region(), op.account(), request.stream_name);
    command.mode = on_demand ? catalog::StreamMode::on_demand : catalog::StreamMode::provisioned;
    command.shard_count = request.shard_count ? static_cast<std::uint32_t>(*request.shard_count) : default_shards;
    command.max_record_size_kib = request.max_record_size_in_kib.value_or(command.max_record_size_kib);
    const bool automatic = request.record_distribution_strategy == api::RecordDistributionStrategy::auto_;
    if (automatic && !on_demand) {
        co_return fail(errors::distribution_needs_on_demand(request.stream_name, op.account()));
    }
    command.distribution = automatic ? catalog::Distribution::automatic : catalog::Distribution::by_key;
    if (request.warm_throughput_mibps.value_or(0) > 0) {
        if (!on_demand) co_return fail(errors::stream_is_provisioned(request.stream_name, op.account()));
        if (!has_commitment(op)) co_return fail(errors::warm_throughput_needs_commitment(op.account()));
        command.warm_throughput_mibps = *request.warm_throughput_mibps;
    }
    command.transition_ms = op.service().transition_delay_ms;
    if (request.tags) {
        CO_TRY(command.tags, checked_tags(*request.tags, request.stream_name, op.account()));
    }
    if (op.service().limits.enforced()) CO_TRY_VOID(check_quotas(op, command));
    CO_TRY(const catalog::Verdict verdict, co_await op.submit(std::move(command)));
    if (verdict.code == catalog::Verdict::Code::stream_exists) {
        co_return fail(errors::stream_already_exists(request.stream_name, op.account()));
    }
    co_return api::CreateStreamOutput{};
}

}  // namespace riacho::streams
