#include "aws/gen/kinesis/errors.gen.h"
#include "aws/gen/kinesis/types_get_shard_iterator.gen.h"
#include "base/try.h"
#include "core/clock.h"
#include "core/task.h"
#include "streams/faults.h"
#include "streams/limits.h"
#include "streams/ops/ops.h"
#include "streams/position.h"
#include "streams/shards.h"

namespace riacho::streams {

namespace errors = api::errors;

Task<Result<api::GetShardIteratorOutput>> get_shard_iterator(StreamsOp op, api::GetShardIteratorInput request) {
    CO_TRY(const ShardRef found, op.resolve_shard(request.stream_name, request.stream_arn, request.shard_id));
    const StartingPoint start{request.shard_iterator_type, request.starting_sequence_number, request.timestamp};
    if (request.dry_run.value_or(false)) {
        CO_TRY_VOID(check_position(op, found, start));
        co_return fail(errors::dry_run());
    }
    CO_TRY_VOID(co_await inject_faults(op, found.stream, found.shard->index));
    if (!op.service().limits.get_iterator(found.shard->uid, op.service().clock.monotonic())) {
        co_return fail(
            errors::shard_throughput_exceeded(shard_id(found.shard->index), found.stream->name, found.stream->account));
    }
    CO_TRY(const std::uint64_t next_seq, co_await find_position(op, found, start));
    api::GetShardIteratorOutput output;
    output.shard_iterator =
        seal_iterator(op.tokens(), {op.now(), found.stream->uid, found.shard->index, next_seq, found.stream->name});
    co_return output;
}

}  // namespace riacho::streams
