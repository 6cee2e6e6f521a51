// FragmentSource: the fragments of one stream, for readers. Where they are kept - in the log, or in memory for streams
// without retention - is not their business.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "base/result.h"
#include "core/fwd.h"
#include "core/task_fwd.h"
#include "video/fragment.h"

namespace riacho::video {

enum class ReadError : std::uint8_t {
    gone,         // the stream was deleted, or its fragments are kept elsewhere from now on
    unavailable,  // no memory, too much load, a disk that does not work: try again
    damaged       // what was stored is not there as it was written
};

// Which of a fragment's two times is meant.
enum class TimeAxis : std::uint8_t { server, producer };

struct ScanQuery {
    TimeAxis axis = TimeAxis::server;
    std::int64_t from_ms = 0;
    std::int64_t to_ms = INT64_MAX;  // inclusive
    std::uint64_t after_sequence = 0;
    std::size_t entries_max = 1'000;
};

// Entries in the order of their sequences.
struct ScanPage {
    std::vector<FragmentEntry> entries;
    // Where the scan goes on; absent when it is complete. Set also when `entries` is short or empty, because so much
    // was looked at.
    std::optional<std::uint64_t> resume_after;
};

// Thread-safe. Every lookup sees fragments within retention only. An entry is visible from its acknowledgement as
// PERSISTED on (RECEIVED without retention).
class FragmentSource {
public:
    template <class T>
    using Result = Expected<T, ReadError>;
    using Found = Expected<std::optional<FragmentEntry>, ReadError>;
    virtual ~FragmentSource() = default;

    // The one with the highest sequence.
    virtual Task<Found> newest(core::Core& core) = 0;
    // Exactly this sequence; who has a number compares the rest of it.
    virtual Task<Found> at(core::Core& core, std::uint64_t sequence) = 0;
    // The first beyond a sequence, which need not exist; 0 gives the oldest.
    virtual Task<Found> after(core::Core& core, std::uint64_t sequence) = 0;
    // The first whose server time is at least this.
    virtual Task<Found> first_from_server(core::Core& core, std::int64_t server_ms) = 0;
    // The one in which the instant lies, else the next later one on that axis.
    virtual Task<Found> containing(core::Core& core, TimeAxis axis, std::int64_t ms) = 0;
    virtual Task<Result<ScanPage>> scan(core::Core& core, ScanQuery query) = 0;
    // The live tail: as after(), but waits up to wait_ms for one that does not exist yet; nothing when the time is
    // over. Gives fragments in the order of their sequences: with several producers it waits a while (5 s) for one
    // that is still arriving before it passes it.
    virtual Task<Found> next(core::Core& core, std::uint64_t after_sequence, std::int64_t wait_ms) = 0;
    virtual Task<Result<std::shared_ptr<const Fragment>>> load(core::Core& core, FragmentEntry entry) = 0;
};

}  // namespace riacho::video
