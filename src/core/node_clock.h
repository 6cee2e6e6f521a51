// NodeClock: the time of one node, for every instant that is stored or compared with a stored one. It never goes back,
// and it records the spans (gaps) that the clock skipped.
#pragma once

#include <atomic>
#include <cstdint>
#include <vector>

#include "base/mutex.h"
#include "core/clock.h"

namespace riacho::core {

// A span that node time skipped: the machine's clock was set forward, the machine was suspended, or no process ran.
struct ClockGap {
    TimestampMs from;
    TimestampMs to;
    friend bool operator==(const ClockGap&, const ClockGap&) = default;
};

// The state of a NodeClock that has to outlive the process.
struct ClockRecord {
    TimestampMs seen;            // node time when the record was made; 0: there is none
    std::vector<ClockGap> gaps;  // oldest first
    friend bool operator==(const ClockRecord&, const ClockRecord&) = default;
};

// Node time is the later of the machine's wall clock and the newest stored instant, carried on by the monotonic clock:
// - The wall clock is set forward: node time follows at once. A step of at least gap_ms_min is recorded as a gap.
// - The wall clock is set back: node time goes on, at nine tenths of the monotonic clock's speed, until the wall clock
//   has caught up. Spans (CREATING, visibility timeouts, iterators) therefore last at most a ninth longer, however
// large
//   the step was.
// ago() leaves out gaps, so a gap makes no record older.
//
// Owned by the node, which outlives every user. Thread-safe; after resume() reads do not block except while the wall
// clock is being followed (a mutex for some nanoseconds).
class NodeClock final : public Clock {
public:
    // Steps shorter than this are not recorded as gaps: they make a record at most this much older.
    static constexpr std::int64_t gap_ms_min = 60'000;
    // A step of the machine's clock of at least this size is logged and counted.
    static constexpr std::int64_t jump_ms_min = 1'000;

    explicit NodeClock(const Clock& machine);

    // Called once at start, before anything is stored. newest_stored: the newest stored instant (0: none); kept: the
    // record of an earlier process. A span of at least gap_ms_min from the later of the two to the machine's clock
    // becomes a gap.
    void resume(TimestampMs newest_stored, const ClockRecord& kept);

    [[nodiscard]] TimestampMs now() const override;
    [[nodiscard]] MonotonicNs monotonic() const override { return machine_.monotonic(); }
    [[nodiscard]] ClockReading read() const override;
    [[nodiscard]] TimestampMs ago(std::int64_t span_ms) const override;

    [[nodiscard]] ClockRecord record() const;
    // Drops all gaps: an operator states that the machine's clock is right. Returns their total length.
    std::int64_t accept_gaps();
    // Forgets gaps that no ago() of at most span_ms_max reaches any more.
    void forget_gaps_beyond(std::int64_t span_ms_max);

    struct Stats {
        std::uint64_t jumps_forward = 0;  // steps of the machine's clock seen by this process
        std::uint64_t jumps_back = 0;
        std::int64_t ahead_ms = 0;  // node time minus the machine's wall clock
        std::int64_t gap_ms = 0;    // total length of all gaps
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
