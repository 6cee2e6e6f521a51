// FragmentSource: the fragments of one stream for readers, stored in the log, or in memory for streams without
// retention.
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
    gone,         // the stream was deleted, or its fragments moved to another store
    unavailable,  // no memory, overload, or a failing disk: try again
    damaged       // the stored bytes are damaged
};

// One of the two times of a fragment.
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
    // The position at which the scan continues; absent when it is complete. May be set although `entries` is short or
    // empty: the work of one call is bounded.
    std::optional<std::uint64_t> resume_after;
};

// Thread-safe. Lookups see only fragments within retention. A fragment is visible from its PERSISTED acknowledgement on
// (RECEIVED without retention).
class FragmentSource {
public:
    template <class T>
    using Result = Expected<T, ReadError>;
    using Found = Expected<std::optional<FragmentEntry>, ReadError>;
    virtual ~FragmentSource() = default;

    // The fragment with the highest sequence.
    virtual Task<Found> newest(core::Core& core) = 0;
    // The fragment with exactly this sequence; callers with a fragment number compare its other parts.
    virtual Task<Found> at(core::Core& core, std::uint64_t sequence) = 0;
    // The first fragment beyond a sequence, which need not exist; 0 gives the oldest.
    virtual Task<Found> after(core::Core& core, std::uint64_t sequence) = 0;
    // The first fragment whose server time is at least this.
    virtual Task<Found> first_from_server(core::Core& core, std::int64_t server_ms) = 0;
    // The fragment that contains the instant on that axis, else the next later one.
    virtual Task<Found> containing(core::Core& core, TimeAxis axis, std::int64_t ms) = 0;
    virtual Task<Result<ScanPage>> scan(core::Core& core, ScanQuery query) = 0;
    // The live tail: as after(), but waits up to wait_ms for a fragment that does not exist yet; nothing after that
    // time. Returns fragments in the order of their sequences: with several producers it waits up to 5 s for one that
    // is still arriving before it passes it.
    virtual Task<Found> next(core::Core& core, std::uint64_t after_sequence, std::int64_t wait_ms) = 0;
    virtual Task<Result<std::shared_ptr<const Fragment>>> load(core::Core& core, FragmentEntry entry) = 0;
};

}  // namespace riacho::video
