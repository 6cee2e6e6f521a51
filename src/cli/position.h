// The start position of a reader, in the syntax of the command line.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/time.h"

namespace riacho::cli {

struct Position {
    enum class Kind : std::uint8_t { latest, trim_horizon, at_timestamp, at_sequence_number, after_sequence_number };
    Kind kind = Kind::trim_horizon;
    TimestampMs time{};            // at_timestamp
    std::string sequence_number;   // at_ and after_sequence_number
    std::int32_t shard_index = 0;  // the sequence number's shard
};

// latest, trim-horizon, at:NUMBER, after:NUMBER, a time (2026-11-26T22:41:03Z, with a fraction or an offset such as
// -03:00; or seconds since 1970), or an age (90s, 15m, 2h, 1d). The error is the rest of a sentence that begins with
// the text.
Expected<Position, std::string> parse_position(std::string_view text, TimestampMs now);

// The members of a GetShardIterator input for the position: `"ShardIteratorType":"LATEST"` and so on.
std::string position_members(const Position& position);

}  // namespace riacho::cli
