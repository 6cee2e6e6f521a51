// The durable records of a running application: its turns, the positions in its sources, and its checkpoint
// (docs/formats/applications.md).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"

namespace riacho::analytics {

// Records of one source shard, by their numbers.
struct TurnRange {
    std::uint64_t shard_uid = 0;
    std::int32_t shard_index = 0;
    std::int64_t created_s = 0;  // of the shard: part of its sequence numbers
    std::uint64_t first = 0;
    std::uint64_t next = 0;  // one after the last
    friend bool operator==(const TurnRange&, const TurnRange&) = default;
};

// One step of an application: the records that enter the engine, and their time. Durable before any resulting row is
// sent. The engine's state is a function of its turns.
struct Turn {
    std::uint64_t run = 0;
    std::uint64_t number = 0;  // counts from 1 within a run
    TimestampMs rowtime;       // of all its records; not before the previous turn's
    std::vector<TurnRange> ranges;
    friend bool operator==(const Turn&, const Turn&) = default;
};

// The position in a source shard behind all records in turns.
struct ShardPosition {
    std::uint64_t shard_uid = 0;
    std::int32_t shard_index = 0;
    std::uint64_t next = 1;
    bool has_ended = false;  // it is closed and all its records are in turns, or it is skipped
    friend bool operator==(const ShardPosition&, const ShardPosition&) = default;
};

struct Positions {
    std::uint64_t source_uid = 0;  // of the stream: a new stream of the same name has another uid
    std::vector<ShardPosition> shards;
    friend bool operator==(const Positions&, const Positions&) = default;
};

// A record of the state shard: a chunk of the engine's state, or positions. Of records with the same number the later
// one counts: the earlier one is of a process that ended before its checkpoint.
struct StateRecord {
    enum class Kind : std::uint8_t { chunk, positions };
    Kind kind = Kind::chunk;
    std::uint64_t run = 0;
    std::uint64_t number = 0;  // of the engine's chunk; of positions: their turn
    std::string_view bytes;    // the chunk
    std::optional<Positions> positions;
};

// The progress of an application: the state after turn N; all rows of the turns up to N were delivered.
struct Checkpoint {
    std::uint64_t run = 0;
    std::uint64_t turn = 0;         // N
    TimestampMs rowtime;            // of it
    std::uint64_t turns_next = 1;   // number in the turns shard of the first record that may be a later turn
    std::uint64_t state_first = 1;  // the range of numbers in the state shard that contains the state
    std::uint64_t state_next = 1;   // one after the last
    std::uint64_t chunk_first = 1;  // the range of the engine's chunks in the state; none: chunk_last < chunk_first
    std::uint64_t chunk_last = 0;
    std::uint64_t seed = 0;  // of the engine
    TimestampMs started_at;  // the engine's CURRENT_TIMESTAMP
    friend bool operator==(const Checkpoint&, const Checkpoint&) = default;
};

inline constexpr std::string_view checkpoint_key = "checkpoint";

std::string encode(const Turn& turn);
std::string encode(const Checkpoint& checkpoint);
std::string encode_chunk(std::uint64_t run, std::uint64_t number, std::string_view bytes);
std::string encode_positions(std::uint64_t run, std::uint64_t turn, const Positions& positions);
// Nothing for bytes that are invalid or of another version. Views point into the bytes.
std::optional<Turn> decode_turn(std::string_view bytes);
std::optional<Checkpoint> decode_checkpoint(std::string_view bytes);
std::optional<StateRecord> decode_state_record(std::string_view bytes);

}  // namespace riacho::analytics
