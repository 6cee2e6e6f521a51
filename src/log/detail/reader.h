// Reading a shard: from its tail cache, or a job for a disk thread.
#pragma once

#include <cstdint>
#include <optional>

#include "log/detail/store.h"

namespace riacho::log::detail {

// What a read found in memory: an answer, or where the disk has to be asked.
struct TailRead {
    std::optional<Expected<ReadResult, LogError>> answer;
    SeqIx from;  // adjusted to what is available
    SeqIx stop;  // the disk is read up to here at most
};
TailRead read_tail(Shard& shard, SeqIx from, ReadLimits limits, TimestampMs horizon);

// Blocks on the disk. An answer without records that is not at the tip asks for another read_tail from its `next`.
Expected<ReadResult, LogError> read_cold(Store& store, Shard& shard, const TailRead& where, ReadLimits limits,
                                         TimestampMs horizon);

// The first visible record that arrived at or after `at`, as far as memory can tell.
struct TailSearch {
    std::optional<SeqIx> answer;
    SeqIx from;
    SeqIx stop;
};
TailSearch search_tail(Shard& shard, TimestampMs at);
// Blocks on the disk.
Expected<SeqIx, LogError> search_cold(Store& store, Shard& shard, const TailSearch& where, TimestampMs at);

// The bytes of a shard's frames, on disk and not yet there. Blocks on the disk.
Expected<std::uint64_t, LogError> measure(Store& store, Shard& shard);

// Selects the records within the limits from frames, beginning at result.next.
void select_records(const std::vector<FramePtr>& frames, ReadLimits limits, ReadResult& result);

}  // namespace riacho::log::detail
