// Start positions of readers: the five types of shard iterators, for GetShardIterator and SubscribeToShard.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "aws/gen/kinesis/types_shared.gen.h"
#include "base/sequence_number.h"
#include "core/task_fwd.h"
#include "streams/service.h"

namespace riacho::streams {

// The position in a request.
struct StartingPoint {
    api::ShardIteratorType type{};
    std::optional<std::string_view> sequence_number;
    std::optional<TimestampMs> timestamp;
};

// Validates the combination and the sequence number, with AWS's texts (spec 3.4); returns the number, if there is one.
Result<std::optional<SequenceNumber>> check_position(StreamsOp op, const ShardRef& found, const StartingPoint& start);

// The SeqIx of the first record to read; for LATEST the shard's present end. AWS: spec 4.6.
Task<Result<std::uint64_t>> find_position(StreamsOp op, ShardRef found, StartingPoint start);

}  // namespace riacho::streams
