#include "streams/configure.h"

#include "aws/gen/kinesis/errors.gen.h"
#include "base/try.h"
#include "core/task.h"
#include "streams/account.h"
#include "streams/describe.h"

namespace riacho::streams {

namespace errors = api::errors;

catalog::StreamKey key_of(const catalog::StreamState& stream) { return {stream.account, stream.region, stream.name}; }

catalog::ConfigureStream change_of(const catalog::StreamState& stream) {
    catalog::ConfigureStream change;
    change.key = key_of(stream);
    return change;
}

catalog::ConfigureStream change_with_transition(StreamsOp op, const catalog::StreamState& stream) {
    catalog::ConfigureStream change = change_of(stream);
    change.transition_ms = op.service().transition_delay_ms;
    return change;
}

Task<Result<void>> configure(StreamsOp op, StreamRef stream, catalog::ConfigureStream command) {
    CO_TRY(const catalog::Verdict verdict, co_await op.submit(std::move(command)));
    switch (verdict.code) {
        case catalog::Verdict::Code::ok:
            co_return Result<void>();
        case catalog::Verdict::Code::stream_not_active:
            co_return fail(errors::stream_not_active(stream->name, stream->account, name_of(to_api(verdict.status))));
        default:
            co_return fail(errors::stream_not_found(stream->name, stream->account));
    }
}

Task<void> finish_reshard(StreamsOp op, std::uint64_t stream_uid) {
    if (op.service().transition_delay_ms != 0) co_return;
    // AWS's order of splits and merges is in the worst case a chain with two steps for each shard.
    constexpr int steps_max = 20'000;
    const catalog::Command next_step = catalog::ContinueReshard{stream_uid};
    for (int step = 0; step < steps_max; ++step) {
        const StreamRef stream = op.catalog().snapshot()->find_by_uid(stream_uid);
        if (stream == nullptr || !stream->reshard) co_return;
        // If the janitor takes the same step, the second command is rejected. The janitor continues if this call fails.
        if (!co_await op.submit(next_step)) co_return;
    }
}

api::RecordDistributionStrategy to_api(catalog::Distribution distribution) {
    return distribution == catalog::Distribution::automatic ? api::RecordDistributionStrategy::auto_
                                                            : api::RecordDistributionStrategy::user_partition_key;
}

// Warm throughput has no effect on one's own machine: the current throughput equals the target at once.
api::WarmThroughputObject warm_throughput(const catalog::StreamState& stream) {
    return {stream.warm_throughput_mibps, stream.warm_throughput_mibps};
}

bool has_commitment(StreamsOp op) { return load_account_settings(op).is_committed(op.now()); }

}  // namespace riacho::streams
