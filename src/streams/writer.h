// Writing to a stream, whoever writes: records are routed to shards, encoded once into the memory that goes to disk,
// and appended. Operations turn requests into records and results into replies.
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

// Where a record belongs, and what has to be kept of how that was decided.
struct RoutingKey {
    U128 hash = 0;
    bool explicit_key = false;  // the producer gave the hash key; it is stored with the record
};

// AWS: the explicit hash key, else hash_key_of the partition key (spec 4.2).
Result<RoutingKey> routing_key(std::string_view partition_key,
                               const std::optional<std::string_view>& explicit_hash_key);

// A place chosen by chance, for automatic distribution.
RoutingKey any_shard(core::Rng& rng);

// The views live until the write has returned.
struct RecordToAppend {
    std::string_view partition_key;
    RoutingKey key;
    const wire::Blob* data = nullptr;

    // As limits and figures count it.
    [[nodiscard]] std::size_t size() const { return partition_key.size() + data->size(); }
};

struct AppendedRecord {
    std::int32_t shard_index = 0;
    SequenceText sequence_number;
};
enum class AppendError : std::uint8_t {
    throttled,    // a limit of the shard, or a fault that was asked for
    overloaded,   // the node has more work than it can hold; nothing was written, try again
    unavailable,  // a full or failed disk, or the node is stopping
    gone,         // the stream was deleted on the way
    corrupt
};
using AppendResult = Expected<AppendedRecord, AppendError>;

// Who writes, and on which core the caller runs.
struct Writer {
    Service& service;
    core::Core& core;
    Faults faults;  // asked for by the operator or the call
};

// Writes records under what holds for the stream: the state of its key, faults on purpose, the throughput limits of its
// shards, encryption; counts the stream's incoming and throttled records. Waits until they are durable. In request
// order within each shard; a record whose shard is closed by a reshard on the way goes to the child that took over its
// hash key. Results are in request order; each record succeeds or fails alone. The whole fails, with nothing written,
// for the key or a fault of the call.
Task<Result<std::vector<AppendResult>>> write_records(Writer writer, StreamRef stream,
                                                      std::span<const RecordToAppend> records);

// The same for one record, which needs none of the grouping; the error is the one a client sees.
Task<Result<AppendedRecord>> write_record(Writer writer, StreamRef stream, RecordToAppend record);

// Partition key (UTF-8 bytes) and data together, against the stream's MaxRecordSizeInKiB (spec 2.11). `entry`: index of
// the record in a PutRecords request. AWS: a ValidationException about the data alone (public report of December 2025).
Result<void> check_record_size(const catalog::StreamState& stream, std::string_view partition_key,
                               const wire::Blob& data, std::optional<std::size_t> entry = std::nullopt);

// How a client sees the failure of a whole call.
aws::ApiError to_api(AppendError error, const catalog::StreamState& stream, const RoutingKey& key);
// How a client sees the failure of one record of PutRecords.
aws::ApiError entry_error(AppendError error, const catalog::StreamState& stream, const RoutingKey& key);

}  // namespace riacho::streams
