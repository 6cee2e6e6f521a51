// NodeClock: the time of one node, for everything that is stored or compared with what was stored. It never goes back,
// and it knows which parts of it did not pass.
#pragma once

#include <atomic>
#include <cstdint>
#include <vector>

#include "base/mutex.h"
#include "core/clock.h"

namespace riacho::core {

// A span that node time skipped: the machine's clock was set forward, the machine slept, or no process ran.
struct ClockGap {
    TimestampMs from;
    TimestampMs to;
    friend bool operator==(const ClockGap&, const ClockGap&) = default;
};

// What has to outlive the process.
struct ClockRecord {
    TimestampMs seen;            // node time when the record was made; 0: there is none
    std::vector<ClockGap> gaps;  // oldest first
    friend bool operator==(const ClockRecord&, const ClockRecord&) = default;
};

// Node time is the newest of the machine's wall clock and of what was stored before, carried on by the monotonic clock:
// - The wall clock is set forward: node time follows at once. From gap_ms_min on, the span is remembered as a gap.
// - The wall clock is set back: node time goes on, by nine tenths of the monotonic clock, until the wall clock has
//   caught up. Spans (CREATING, visibility timeouts, iterators) therefore last at most a ninth longer, however large
//   the step was.
// ago() counts only time that passed, so a gap makes no record older.
//
// Owned by the node, which outlives every user. Thread-safe; after resume() reads do not block except while the wall
// clock is being followed (a mutex for some nanoseconds).
class NodeClock final : public Clock {
public:
    // Shorter steps are not worth remembering: they make a record at most this much older.
    static constexpr std::int64_t gap_ms_min = 60'000;
    // A step of the machine's clock of at least this much is logged and counted.
    static constexpr std::int64_t jump_ms_min = 1'000;

    explicit NodeClock(const Clock& machine);

    // Once at start, before anything is stored: the newest instant that was stored (0: none), and the record of an
    // earlier process. The time between them and the machine's clock is a gap.
    void resume(TimestampMs newest_stored, const ClockRecord& kept);

    [[nodiscard]] TimestampMs now() const override;
    [[nodiscard]] MonotonicNs monotonic() const override { return machine_.monotonic(); }
    [[nodiscard]] ClockReading read() const override;
    [[nodiscard]] TimestampMs ago(std::int64_t span_ms) const override;

    [[nodiscard]] ClockRecord record() const;
    // The gaps are time like any other: an operator says that the machine's clock is right. Returns how long they were.
    std::int64_t accept_gaps();
    // Forgets gaps that ago() of at most span_ms_max does not reach any more.
    void forget_gaps_beyond(std::int64_t span_ms_max);

    struct Stats {
        std::uint64_t jumps_forward = 0;  // of the machine's clock, seen by this process
        std::uint64_t jumps_back = 0;
        std::int64_t ahead_ms = 0;  // of the machine's wall clock
        std::int64_t gap_ms = 0;    // in all gaps
    };
    [[nodiscard]] Stats stats() const;

private:
    static constexpr std::size_t gaps_max = 16;

    // Makes node time follow the machine's clock.
    void steer() const;
    [[nodiscard]] ClockReading read_closely() const;
    void note_machine(const ClockReading& at) const REQUIRES(mutex_);
    void add_gap(TimestampMs from, TimestampMs to) const REQUIRES(mutex_);
    [[nodiscard]] TimestampMs never_back(std::int64_t at_ms) const;

    const Clock& machine_;
    // Node time minus the monotonic clock, in nanoseconds.
    mutable std::atomic<std::int64_t> offset_ns_;
    mutable std::atomic<std::int64_t> last_ms_;  // the newest instant that now() has returned
    mutable std::atomic<std::int64_t> next_steer_ns_{INT64_MIN};
    mutable std::atomic<bool> has_gaps_{false};
    mutable Mutex mutex_;
    mutable bool is_slow_ GUARDED_BY(mutex_) = false;
    mutable std::int64_t slowed_to_ns_ GUARDED_BY(mutex_) = 0;    // the monotonic moment up to which it was slowed down
    mutable std::int64_t wall_offset_ns_ GUARDED_BY(mutex_) = 0;  // the wall clock minus the monotonic clock
    mutable std::int64_t next_line_ns_ GUARDED_BY(mutex_) = INT64_MIN;
    mutable std::vector<ClockGap> gaps_ GUARDED_BY(mutex_);
    mutable Stats counted_ GUARDED_BY(mutex_);
};

}  // namespace riacho::core
