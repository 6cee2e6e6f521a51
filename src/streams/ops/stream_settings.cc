// UpdateStreamMode, UpdateMaxRecordSize, UpdateStreamWarmThroughput, UpdateStreamRecordDistributionStrategy,
// EnableEnhancedMonitoring, DisableEnhancedMonitoring.
#include "aws/gen/kinesis/errors.gen.h"
#include "aws/gen/kinesis/types_disable_enhanced_monitoring.gen.h"
#include "aws/gen/kinesis/types_enable_enhanced_monitoring.gen.h"
#include "aws/gen/kinesis/types_update_max_record_size.gen.h"
#include "aws/gen/kinesis/types_update_stream_mode.gen.h"
#include "aws/gen/kinesis/types_update_stream_record_distribution_strategy.gen.h"
#include "aws/gen/kinesis/types_update_stream_warm_throughput.gen.h"
#include "base/try.h"
#include "core/task.h"
#include "streams/configure.h"
#include "streams/describe.h"
#include "streams/limits.h"
#include "streams/ops/ops.h"

namespace riacho::streams {

namespace errors = api::errors;

namespace {

constexpr std::size_t mode_changes_a_day = 2;            // AWS: in a rolling 24 h (spec 2.2)
constexpr std::int32_t warm_throughput_max = 10 * 1024;  // AWS: 10 GiB/s (spec 2.2)

// AWS: only for on-demand streams of an account with a commitment (spec 2.2).
Result<void> check_warm_throughput(StreamsOp op, std::int32_t mibps) {
    if (!has_commitment(op)) return fail(errors::warm_throughput_needs_commitment(op.account()));
    if (mibps > warm_throughput_max) return fail(errors::warm_throughput_too_large(mibps, warm_throughput_max));
    return {};
}

std::uint8_t bits_of(const std::vector<api::MetricsName>& names) {
    std::uint8_t bits = 0;
    for (const api::MetricsName name : names) {
        if (name == api::MetricsName::all) return 0x7F;
        bits |= static_cast<std::uint8_t>(1U << static_cast<unsigned>(name));
    }
    return bits;
}

Task<Result<api::EnhancedMonitoringOutput>> set_monitoring(StreamsOp op, StreamRef stream, std::uint8_t on,
                                                           std::uint8_t off) {
    catalog::ConfigureStream change = change_of(*stream);
    change.metrics_on = on;
    change.metrics_off = off;
    CO_TRY_VOID(co_await configure(op, stream, std::move(change)));
    api::EnhancedMonitoringOutput output;
    output.stream_name = stream->name;
    output.stream_arn = stream->arn;
    // AWS: `current` is the state before the call, `desired` the state after it (spec 2.7).
    output.current_shard_level_metrics = metrics_of(stream->shard_metrics);
    const auto desired = static_cast<std::uint8_t>((stream->shard_metrics | on) & static_cast<std::uint8_t>(~off));
    output.desired_shard_level_metrics = metrics_of(desired);
    op.counters(*stream)->shard_metrics = desired;
    co_return output;
}

}  // namespace

Task<Result<api::UpdateStreamModeOutput>> update_stream_mode(StreamsOp op, api::UpdateStreamModeInput request) {
    CO_TRY(const StreamRef stream, op.resolve(std::nullopt, request.stream_arn));
    const bool on_demand = request.stream_mode_details.stream_mode == api::StreamMode::on_demand;
    Limits& limits = op.service().limits;
    if (!limits.has_daily(stream->uid, op.context().operation(), mode_changes_a_day, op.now())) {
        co_return fail(errors::stream_call_rate_exceeded(stream->name, stream->account));
    }
    catalog::ConfigureStream change = change_with_transition(op, *stream);
    change.mode = on_demand ? catalog::StreamMode::on_demand : catalog::StreamMode::provisioned;
    if (request.warm_throughput_mibps) {
        if (!on_demand) co_return fail(errors::stream_is_provisioned(stream->name, stream->account));
        CO_TRY_VOID(check_warm_throughput(op, *request.warm_throughput_mibps));
        change.warm_throughput_mibps = request.warm_throughput_mibps;
    }
    if (!on_demand) {
        // Warm throughput and automatic distribution exist only in on-demand mode.
        change.warm_throughput_mibps = 0;
        change.distribution = catalog::Distribution::by_key;
    }
    CO_TRY_VOID(co_await configure(op, stream, std::move(change)));
    limits.count_daily(stream->uid, op.context().operation(), op.now());
    co_await finish_reshard(op, stream->uid);
    co_return api::UpdateStreamModeOutput{};
}

Task<Result<api::UpdateMaxRecordSizeOutput>> update_max_record_size(StreamsOp op,
                                                                    api::UpdateMaxRecordSizeInput request) {
    CO_TRY(const StreamRef stream, op.resolve(std::nullopt, request.stream_arn));
    catalog::ConfigureStream change = change_with_transition(op, *stream);
    change.max_record_size_kib = request.max_record_size_in_kib;
    CO_TRY_VOID(co_await configure(op, stream, std::move(change)));
    co_return api::UpdateMaxRecordSizeOutput{};
}

Task<Result<api::UpdateStreamWarmThroughputOutput>> update_stream_warm_throughput(
    StreamsOp op, api::UpdateStreamWarmThroughputInput request) {
    CO_TRY(const StreamRef stream, op.resolve(request.stream_name, request.stream_arn));
    if (stream->mode != catalog::StreamMode::on_demand) {
        co_return fail(errors::stream_is_provisioned(stream->name, stream->account));
    }
    CO_TRY_VOID(check_warm_throughput(op, request.warm_throughput_mibps));
    catalog::ConfigureStream change = change_with_transition(op, *stream);
    change.warm_throughput_mibps = request.warm_throughput_mibps;
    CO_TRY_VOID(co_await configure(op, stream, std::move(change)));
    api::UpdateStreamWarmThroughputOutput output;
    output.stream_name = stream->name;
    output.stream_arn = stream->arn;
    output.warm_throughput = {request.warm_throughput_mibps, stream->warm_throughput_mibps};
    co_return output;
}

Task<Result<api::UpdateStreamRecordDistributionStrategyOutput>> update_stream_record_distribution_strategy(
    StreamsOp op, api::UpdateStreamRecordDistributionStrategyInput request) {
    CO_TRY(const StreamRef stream, op.resolve(std::nullopt, request.stream_arn));
    const bool automatic = request.record_distribution_strategy == api::RecordDistributionStrategy::auto_;
    if (automatic && stream->mode != catalog::StreamMode::on_demand) {
        co_return fail(errors::distribution_needs_on_demand(stream->name, stream->account));
    }
    catalog::ConfigureStream change = change_of(*stream);  // AWS: takes effect at once
    change.distribution = automatic ? catalog::Distribution::automatic : catalog::Distribution::by_key;
    CO_TRY_VOID(co_await configure(op, stream, std::move(change)));
    co_return api::UpdateStreamRecordDistributionStrategyOutput{};
}

Task<Result<api::EnhancedMonitoringOutput>> enable_enhanced_monitoring(StreamsOp op,
                                                                       api::EnableEnhancedMonitoringInput request) {
    CO_TRY(const StreamRef stream, op.resolve(request.stream_name, request.stream_arn));
    co_return co_await set_monitoring(op, stream, bits_of(request.shard_level_metrics), 0);
}

Task<Result<api::EnhancedMonitoringOutput>> disable_enhanced_monitoring(StreamsOp op,
                                                                        api::DisableEnhancedMonitoringInput request) {
    CO_TRY(const StreamRef stream, op.resolve(request.stream_name, request.stream_arn));
    co_return co_await set_monitoring(op, stream, 0, bits_of(request.shard_level_metrics));
}

}  // namespace riacho::streams
