// Records on their way into a stream: routed to shards, encoded once into the memory that goes to disk, appended.
#pragma once

#include <array>
#include <span>
#include <string_view>
#include <vector>

#include "base/sequence_number.h"
#include "log/types.h"
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

// The views live until append_records has returned.
struct RecordToAppend {
    std::string_view partition_key;
    RoutingKey key;
    const wire::Blob* data = nullptr;
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

// Appends records, in request order within each shard, and waits until they are durable. A record whose shard is closed
// by a reshard on the way goes to the child that took over its hash key. Results are in request order.
Task<std::vector<AppendResult>> append_records(StreamsOp op, StreamRef stream, std::span<const RecordToAppend> records);

// The same for one record.
Task<AppendResult> append_record(StreamsOp op, StreamRef stream, RecordToAppend record);

// Partition key (UTF-8 bytes) and data together, against the stream's MaxRecordSizeInKiB (spec 2.11). `entry`: index of
// the record in a PutRecords request. AWS: a ValidationException about the data alone (public report of December 2025).
Result<void> check_record_size(const catalog::StreamState& stream, std::string_view partition_key,
                               const wire::Blob& data, std::optional<std::size_t> entry = std::nullopt);

// How a client sees a failed append of a whole request, and of one record of PutRecords.
aws::ApiError to_api(AppendError error, const catalog::StreamState& stream, const RoutingKey& key);
aws::ApiError entry_error(AppendError error, const catalog::StreamState& stream, const RoutingKey& key);

}  // namespace riacho::streams
