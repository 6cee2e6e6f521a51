// Number types, states and errors of the record log.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/strong.h"
#include "base/time.h"

namespace riacho::log {

// Identifies a shard for ever; chosen by its creator and never reused. Not 0.
using ShardUid = Strong<struct ShardUidTag, std::uint64_t>;
// The number of a record in its shard: dense, 1 for the first record of a shard that was created with first = 1. 63
// bits.
using SeqIx = Strong<struct SeqIxTag, std::uint64_t>;
// A byte position in the journal since its creation; 0 is before all positions.
using Lsn = Strong<struct LsnTag, std::uint64_t>;

enum class LogError : std::uint8_t {
    sealed,         // the shard was closed before this record was ordered
    unknown_shard,  // never created, or dropped
    overloaded,     // a queue or the journal pool is full; nothing was written, try again
    disk_full,      // the volume is (nearly) full; nothing was written
    poisoned,       // the disk failed; the next start decides whether the record is on it
    shutting_down,
    corrupt  // damaged data; its place was logged
};

std::string_view to_string(LogError error);

// The position of an appended batch.
struct Appended {
    SeqIx first;
    std::uint32_t count = 0;
    TimestampMs arrival;  // arrival time of all its records
};

struct ReadLimits {
    std::size_t records_max = 10'000;
    // Counts partition keys and data. The first record is returned even if it alone exceeds the limit.
    std::size_t bytes_max = 10 << 20;
};

// The state of a shard as readers see it.
struct ShardState {
    SeqIx first_available;  // records before it were trimmed
    SeqIx next;             // one after the last visible record
    TimestampMs last_arrival;
    bool closed = false;
    bool damaged = false;            // some of its records were lost on disk; reads that reach them fail
    std::int64_t retention_ms = -1;  // set by RecordLog::set_retention; -1: not set yet, nothing is deleted
};

enum class Durability : std::uint8_t {
    sync,      // acknowledged after the disk has it
    interval,  // acknowledged after the kernel has it; the disk within the interval
    os         // acknowledged after the kernel has it
};
std::string_view to_string(Durability durability);

enum class StoreState : std::uint8_t {
    ok,
    disk_low,   // appends are refused with disk_full
    disk_full,  // as disk_low; a write has failed for lack of space
    failed      // poisoned until restart
};
std::string_view to_string(StoreState state);

// The kind of a shard's records. It determines the shard's share of cache, queue and groups, and the size of segments.
// On disk: never renumbered.
enum class ShardClass : std::uint8_t { records = 0, media = 1 };

// Effects of an accepted command on the log itself.
struct ShardEffects {
    struct Create {
        ShardUid shard;
        SeqIx first = SeqIx(1);  // the number of its first record
        ShardClass shard_class = ShardClass::records;
    };
    struct Trim {
        ShardUid shard;
        SeqIx first_available;  // never moves back
    };
    std::vector<Create> create;
    std::vector<ShardUid> close;  // refuse records from here on; existing records stay readable
    std::vector<ShardUid> drop;   // forget the shard and delete its files
    std::vector<Trim> trim;
};

}  // namespace riacho::log
