// Appends records to a stream: routes them to shards, encodes them once into the memory that goes to disk, and appends
// them. Operations convert requests to records and results to replies.
#pragma once

#include <array>
#include <span>
#include <string_view>
#include <vector>

#include "base/sequence_number.h"
#include "log/types.h"
#include "streams/faults.h"
#include "streams/service.h"
#include "wire/value.h"

namespace riacho::streams {

// The hash key that selects a record's shard.
struct RoutingKey {
    U128 hash = 0;
    bool explicit_key = false;  // the producer sent the hash key; it is stored with the record
};

// AWS: the explicit hash key, else hash_key_of the partition key (spec 4.2).
Result<RoutingKey> routing_key(std::string_view partition_key,
                               const std::optional<std::string_view>& explicit_hash_key);

// A random hash key, for automatic distribution.
RoutingKey any_shard(core::Rng& rng);

// The views must live until the write has returned.
struct RecordToAppend {
    std::string_view partition_key;
    RoutingKey key;
    const wire::Blob* data = nullptr;

    // The size that limits and metrics count.
    [[nodiscard]] std::size_t size() const { return partition_key.size() + data->size(); }
};

struct AppendedRecord {
    std::int32_t shard_index = 0;
    SequenceText sequence_number;
    std::uint64_t seq = 0;  // in its shard
};
enum class AppendError : std::uint8_t {
    throttled,    // a limit of the shard, or an injected fault
    overloaded,   // the node is overloaded; nothing was written, try again
    unavailable,  // a full or failed disk, or the node is stopping
    gone,         // the stream was deleted meanwhile
    corrupt
};
using AppendResult = Expected<AppendedRecord, AppendError>;

// The service, and the core on which the caller runs.
struct Writer {
    Service& service;
    core::Core& core;
    Faults faults;  // injected by the operator or by the call
    // After a refused record no later one of its shard is appended, so that a client that retries keeps the order.
    // AWS's PutRecords judges each record alone.
    bool keeps_order = false;
};

// Writes records, subject to the stream's KMS key state, injected faults, the throughput limits of its shards, and
// encryption; counts the stream's incoming and throttled records. Waits until they are durable. Records keep the
// request's order within each shard; a record whose shard is closed by a reshard meanwhile goes to the child that took
// over its hash key. Results are in request order; each record succeeds or fails alone. The whole call fails, with
// nothing written, because of the key or of a fault of the call.
Task<Result<std::vector<AppendResult>>> write_records(Writer writer, StreamRef stream,
                                                      std::span<const RecordToAppend> records);

// As write_records, for one record; the error is the client's.
Task<Result<AppendedRecord>> write_record(Writer writer, StreamRef stream, RecordToAppend record);

// Checks the size of partition key (UTF-8 bytes) and data together against the stream's MaxRecordSizeInKiB (spec 2.11).
// `entry`: index of the record in a PutRecords request. AWS: a ValidationException about the data alone (public report
// of December 2025).
Result<void> check_record_size(const catalog::StreamState& stream, std::string_view partition_key,
                               const wire::Blob& data, std::optional<std::size_t> entry = std::nullopt);

// The API error of a whole call's failure.
aws::ApiError to_api(AppendError error, const catalog::StreamState& stream, const RoutingKey& key);
// The API error of one record in PutRecords.
aws::ApiError entry_error(AppendError error, const catalog::StreamState& stream, const RoutingKey& key);

}  // namespace riacho::streams
