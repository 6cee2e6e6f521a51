// Reads a shard: from its tail cache, or by a job for a disk thread.
#pragma once

#include <cstdint>
#include <optional>

#include "log/detail/store.h"

namespace riacho::log::detail {

// The result of a read from memory: an answer, or the range to read from disk.
struct TailRead {
    std::optional<Expected<ReadResult, LogError>> answer;
    SeqIx from;  // adjusted to the first available record
    SeqIx stop;  // upper bound of the disk read
};
TailRead read_tail(Shard& shard, SeqIx from, ReadLimits limits, TimestampMs horizon);

// Reads the disk, blocking. If the answer has no records and is not at the tip, the caller repeats read_tail from its
// `next`.
Expected<ReadResult, LogError> read_cold(Store& store, Shard& shard, const TailRead& where, ReadLimits limits,
                                         TimestampMs horizon);

// The result of a search in memory for the first visible record that arrived at or after `at`: an answer, or the range
// to search on disk.
struct TailSearch {
    std::optional<SeqIx> answer;
    SeqIx from;
    SeqIx stop;
};
TailSearch search_tail(Shard& shard, TimestampMs at);
// Searches the disk, blocking.
Expected<SeqIx, LogError> search_cold(Store& store, Shard& shard, const TailSearch& where, TimestampMs at);

// The size of a shard's frames, on disk and in memory. Reads the disk, blocking.
Expected<std::uint64_t, LogError> measure(Store& store, Shard& shard);

// Adds to result the records from result.next on, within the limits.
void select_records(const std::vector<FramePtr>& frames, ReadLimits limits, ReadResult& result);

}  // namespace riacho::log::detail
