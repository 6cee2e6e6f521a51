// What a running application writes down: its turns, the positions in its sources, and the checkpoint that names them
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
    std::int64_t created_s = 0;  // of the shard: its sequence numbers carry it
    std::uint64_t first = 0;
    std::uint64_t next = 0;  // one after the last
    friend bool operator==(const TurnRange&, const TurnRange&) = default;
};

// One step of an application: which records enter, and at which time. Durable before anything that follows from it
// leaves. Whatever the engine does is a function of its turns.
struct Turn {
    std::uint64_t run = 0;
    std::uint64_t number = 0;  // from 1 on, in a run
    TimestampMs rowtime;       // of all its records; no earlier than the last turn's
    std::vector<TurnRange> ranges;
    friend bool operator==(const Turn&, const Turn&) = default;
};

// How far a source shard has been read into turns.
struct ShardPosition {
    std::uint64_t shard_uid = 0;
    std::int32_t shard_index = 0;
    std::uint64_t next = 1;
    bool has_ended = false;  // it is closed, and all its records are in turns; or it is left out
    friend bool operator==(const ShardPosition&, const ShardPosition&) = default;
};

struct Positions {
    std::uint64_t source_uid = 0;  // the stream: one created again under its name is another
    std::vector<ShardPosition> shards;
    friend bool operator==(const Positions&, const Positions&) = default;
};

// A record of the state shard: a chunk of the engine's state, or positions. Records with a number that comes again
// later were left behind by a process that died before its checkpoint was; the later one counts.
struct StateRecord {
    enum class Kind : std::uint8_t { chunk, positions };
    Kind kind = Kind::chunk;
    std::uint64_t run = 0;
    std::uint64_t number = 0;  // of the engine's chunk; of positions: the turn after which they were true
    std::string_view bytes;    // the chunk
    std::optional<Positions> positions;
};

// The progress of an application: the state after turn N, of which everything before was delivered.
struct Checkpoint {
    std::uint64_t run = 0;
    std::uint64_t turn = 0;         // N
    TimestampMs rowtime;            // of it
    std::uint64_t turns_next = 1;   // number in the turns shard of the first record that may be a later turn
    std::uint64_t state_first = 1;  // numbers in the state shard between which everything is that makes up the state
    std::uint64_t state_next = 1;   // one after the last
    std::uint64_t chunk_first = 1;  // the engine's chunks that make up the state; none: chunk_last < chunk_first
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
// Nothing for bytes that are none, or of another version. Views point into the bytes.
std::optional<Turn> decode_turn(std::string_view bytes);
std::optional<Checkpoint> decode_checkpoint(std::string_view bytes);
std::optional<StateRecord> decode_state_record(std::string_view bytes);

}  // namespace riacho::analytics
