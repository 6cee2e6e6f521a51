#include "aws/gen/kinesis/errors.gen.h"
#include "aws/gen/kinesis/types_put_record.gen.h"
#include "base/sequence_number.h"
#include "base/try.h"
#include "core/clock.h"
#include "core/task.h"
#include "streams/faults.h"
#include "streams/ops/ops.h"
#include "streams/shard_id.h"
#include "streams/writer.h"

namespace riacho::streams {

namespace errors = api::errors;

namespace {

// AWS: SequenceNumberForOrdering must be a number that this service could have issued, and not from the future; it need
// not belong to the same shard, and any later record's number is greater in any case (spec 4.4).
Result<void> check_ordering(StreamsOp op, const catalog::StreamState& stream, std::string_view text) {
    const auto number = parse_sequence_number(text);
    if (!number || number->version == 0 || number->time_s * 1000 > op.now().value()) {
        return fail(errors::invalid_sequence_for_ordering(text, stream.name, stream.account));
    }
    return {};
}

}  // namespace

Task<Result<api::PutRecordOutput>> put_record(StreamsOp op, api::PutRecordInput request) {
    const MonotonicNs started = op.service().clock.monotonic();
    CO_TRY(const StreamRef stream, op.resolve_writable(request.stream_name, request.stream_arn));
    const bool automatic = stream->distribution == catalog::Distribution::automatic;
    // AWS: optional in the newest model, for streams with automatic distribution only (spec 2.11).
    if (!request.partition_key && !automatic) co_return fail(errors::member_must_not_be_null("partitionKey"));
    const std::string_view partition_key = request.partition_key.value_or("");
    CO_TRY(const RoutingKey key, automatic ? Result<RoutingKey>(any_shard(op.service().rng))
                                           : routing_key(partition_key, request.explicit_hash_key));
    if (request.sequence_number_for_ordering && automatic) {
        co_return fail(errors::ordering_with_automatic_distribution(stream->name, stream->account));
    }
    if (request.sequence_number_for_ordering) {
        CO_TRY_VOID(check_ordering(op, *stream, *request.sequence_number_for_ordering));
    }
    CO_TRY_VOID(check_record_size(*stream, partition_key, request.data));
    if (request.dry_run.value_or(false)) co_return fail(errors::dry_run());

    const RecordToAppend record{partition_key, key, &request.data};
    const Writer writer{op.service(), op.core(), faults_of(op)};
    const Result<AppendedRecord> result = co_await write_record(writer, stream, record);
    const auto owned_counters = op.counters(*stream);
    StreamCounters& counters = *owned_counters;
    counters.put_record_latency.record_ns(op.service().clock.monotonic().value() - started.value());
    if (!result) {
        add(counters.put_record_failure, 1);
        co_return fail(result.error());
    }
    add(counters.put_record_success, 1);
    add(counters.put_record_bytes, record.size());
    api::PutRecordOutput output;
    output.shard_id = shard_id_text(result->shard_index);
    output.sequence_number = result->sequence_number.view();
    if (!stream->key_id.empty()) output.encryption_type = api::EncryptionType::kms;
    co_return output;
}

}  // namespace riacho::streams
