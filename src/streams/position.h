// Where a reader starts: the five types of shard iterators, for GetShardIterator and SubscribeToShard alike.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "aws/gen/kinesis/types_shared.gen.h"
#include "base/sequence_number.h"
#include "core/task_fwd.h"
#include "streams/service.h"

namespace riacho::streams {

// As the request gives it.
struct StartingPoint {
    api::ShardIteratorType type{};
    std::optional<std::string_view> sequence_number;
    std::optional<TimestampMs> timestamp;
};

// Judges the combination and the sequence number, with AWS's texts (spec 3.4); returns the number, if one was given.
Result<std::optional<SequenceNumber>> check_position(StreamsOp op, const ShardRef& found, const StartingPoint& start);

// The first place to read, as a SeqIx: for LATEST the shard's end at this moment. AWS: spec 4.6.
Task<Result<std::uint64_t>> find_position(StreamsOp op, ShardRef found, StartingPoint start);

}  // namespace riacho::streams
