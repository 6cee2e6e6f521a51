#include "aws/gen/kinesis/errors.gen.h"
#include "aws/gen/kinesis/types_put_records.gen.h"
#include "base/hash_keys.h"
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

// AWS: 10 MiB since 2025, 5 MiB before (spec 2.11 and 3.3).
constexpr std::size_t request_bytes_max = std::size_t{10} << 20;

struct Prepared {
    std::vector<RecordToAppend> records;
    std::size_t bytes = 0;
};

// The routing keys of the records that are routed by their partition keys: their indexes are in `hashed`.
void route_by_partition_key(std::span<const std::uint32_t> hashed, std::vector<RecordToAppend>& records) {
    std::vector<std::string_view> keys;
    keys.reserve(hashed.size());
    for (const std::uint32_t index : hashed) keys.push_back(records[index].partition_key);
    std::vector<U128> places(keys.size());
    hash_keys_of(keys, places);
    for (std::size_t i = 0; i < hashed.size(); ++i) records[hashed[i]].key.hash = places[i];
}

// One invalid record refuses the whole request, before anything is written [prod].
Result<Prepared> prepare(StreamsOp op, const catalog::StreamState& stream, const api::PutRecordsInput& request) {
    const bool automatic = stream.distribution == catalog::Distribution::automatic;
    Prepared prepared;
    prepared.records.reserve(request.records.size());
    std::vector<std::uint32_t> hashed;
    for (const api::PutRecordsRequestEntry& entry : request.records) {
        if (!entry.partition_key && !automatic) {
            const std::string number = std::to_string(prepared.records.size() + 1);
            return fail(errors::member_must_not_be_null("records." + number + ".member.partitionKey"));
        }
        const std::string_view partition_key = entry.partition_key.value_or("");
        RoutingKey key;
        if (automatic) {
            key = any_shard(op.service().rng);
        } else if (entry.explicit_hash_key) {
            TRY(key, routing_key(partition_key, entry.explicit_hash_key));
        } else {
            hashed.push_back(static_cast<std::uint32_t>(prepared.records.size()));
        }
        prepared.records.push_back({partition_key, key, &entry.data});
        prepared.bytes += partition_key.size() + entry.data.size();
    }
    route_by_partition_key(hashed, prepared.records);
    if (prepared.bytes > request_bytes_max) return fail(errors::records_too_large(10));
    for (std::size_t i = 0; i < request.records.size(); ++i) {
        const api::PutRecordsRequestEntry& entry = request.records[i];
        TRY_VOID(check_record_size(stream, entry.partition_key.value_or(""), entry.data, i));
    }
    return prepared;
}

// Counts the call; write_records counts the stream's records.
void count(StreamCounters& counters, const Prepared& prepared, const std::vector<AppendResult>& results) {
    std::uint64_t stored = 0;
    std::uint64_t bytes = 0;
    std::uint64_t throttled = 0;
    for (std::size_t i = 0; i < results.size(); ++i) {
        if (results[i]) {
            ++stored;
            bytes += prepared.records[i].size();
        } else if (results[i].error() == AppendError::throttled) {
            ++throttled;
        }
    }
    add(counters.put_records_bytes, bytes);
    add(counters.put_records_total, results.size());
    add(counters.put_records_successful, stored);
    add(counters.put_records_throttled, throttled);
    add(counters.put_records_failed, results.size() - stored - throttled);
    add(stored > 0 ? counters.put_records_success : counters.put_records_failure, 1);
}

}  // namespace

Task<Result<api::PutRecordsOutput>> put_records(StreamsOp op, api::PutRecordsInput request) {
    const MonotonicNs started = op.service().clock.monotonic();
    CO_TRY(const StreamRef stream, op.resolve_writable(request.stream_name, request.stream_arn));
    CO_TRY(const Prepared prepared, prepare(op, *stream, request));
    if (request.dry_run.value_or(false)) co_return fail(errors::dry_run());

    const Writer writer{op.service(), op.core(), faults_of(op)};
    CO_TRY(const std::vector<AppendResult> results, co_await write_records(writer, stream, prepared.records));
    const auto owned_counters = op.counters(*stream);
    StreamCounters& counters = *owned_counters;
    count(counters, prepared, results);
    counters.put_records_latency.record_ns(op.service().clock.monotonic().value() - started.value());

    api::PutRecordsOutput output;
    std::int32_t failed = 0;
    output.records.reserve(results.size());
    for (std::size_t i = 0; i < results.size(); ++i) {
        api::PutRecordsResultEntry& entry = output.records.emplace_back();
        if (results[i]) {
            entry.shard_id = shard_id_text(results[i]->shard_index);
            entry.sequence_number = results[i]->sequence_number.view();
            continue;
        }
        ++failed;
        const aws::ApiError error = entry_error(results[i].error(), *stream, prepared.records[i].key);
        entry.error_code = std::string(error.code);
        entry.error_message = error.message;
    }
    output.failed_record_count = failed;
    if (!stream->key_id.empty()) output.encryption_type = api::EncryptionType::kms;
    co_return output;
}

}  // namespace riacho::streams
