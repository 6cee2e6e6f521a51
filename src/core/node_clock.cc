#include "core/node_clock.h"

#include <algorithm>
#include <cstdlib>
#include <ranges>

#include "core/log.h"

namespace riacho::core {
namespace {

constexpr std::int64_t ns_per_ms = 1'000'000;
// The wall clock has a resolution of one millisecond: a smaller difference is not lateness.
constexpr std::int64_t late_ns = ns_per_ms;
// How far ahead node time may seem because a thread was suspended between its two readings.
constexpr std::int64_t ahead_ns = 2 * ns_per_ms;
constexpr std::int64_t steer_interval_ns = 10 * ns_per_ms;
constexpr std::int64_t slow_down_divisor = 10;
// Limits log lines when the machine's clock is set again and again.
constexpr std::int64_t line_interval_ns = 1'000 * ns_per_ms;

std::int64_t ns_of(TimestampMs at) { return at.value() * ns_per_ms; }
std::int64_t wall_offset_of(const ClockReading& at) { return ns_of(at.now) - at.monotonic.value(); }

}  // namespace

NodeClock::NodeClock(const Clock& machine)
    : machine_(machine), offset_ns_(wall_offset_of(machine.read())), last_ms_(machine.now().value()) {
    const MutexLock lock(mutex_);
    wall_offset_ns_ = offset_ns_;
}

void NodeClock::resume(TimestampMs newest_stored, const ClockRecord& kept) {
    const ClockReading at = read_closely();
    const TimestampMs start = std::max(at.now, newest_stored);
    const MutexLock lock(mutex_);
    for (const ClockGap& gap : kept.gaps) {
        // Node time that an earlier process saw, but that no stored data refers to, is ignored.
        const TimestampMs to = std::min(gap.to, start);
        if (gap.from < to) add_gap(gap.from, to);
    }
    const TimestampMs last = std::max(newest_stored, kept.seen);
    if (last.value() != 0 && start.value() - last.value() >= gap_ms_min) add_gap(last, start);
    offset_ns_.store(ns_of(start) - at.monotonic.value(), std::memory_order_release);
    last_ms_ = start.value();
    const std::int64_t behind_ms = start.value() - at.now.value();
    if (behind_ms < jump_ms_min) return;
    ++counted_.jumps_back;
    log_line(LogLevel::warn, "the machine's clock is behind what is stored", {{"ms", behind_ms}});
}

TimestampMs NodeClock::now() const {
    const ClockReading at = machine_.read();
    const std::int64_t node_ns = at.monotonic.value() + offset_ns_.load(std::memory_order_acquire);
    const std::int64_t ahead = node_ns - ns_of(at.now);
    const bool is_ahead = ahead > ahead_ns && at.monotonic.value() >= next_steer_ns_.load(std::memory_order_relaxed);
    if (ahead >= -late_ns && !is_ahead) return never_back(node_ns / ns_per_ms);
    steer();
    return never_back((machine_.monotonic().value() + offset_ns_.load(std::memory_order_acquire)) / ns_per_ms);
}

ClockReading NodeClock::read() const {
    const TimestampMs at = now();
    return {at, machine_.monotonic()};
}

TimestampMs NodeClock::never_back(std::int64_t at_ms) const {
    // Written at most once a millisecond, so that the cores can share the cache line.
    std::int64_t last = last_ms_.load(std::memory_order_relaxed);
    while (last < at_ms) {
        if (last_ms_.compare_exchange_weak(last, at_ms, std::memory_order_relaxed)) return TimestampMs(at_ms);
    }
    return TimestampMs(last);
}

// Reads both clocks close together, unless the machine is too busy for that.
ClockReading NodeClock::read_closely() const {
    ClockReading at;
    for (int attempt = 0; attempt < 3; ++attempt) {
        const std::int64_t before = machine_.monotonic().value();
        at = machine_.read();
        if (at.monotonic.value() - before < ns_per_ms) break;
    }
    return at;
}

void NodeClock::note_machine(const ClockReading& at) const {
    const std::int64_t moved_ms = (wall_offset_of(at) - wall_offset_ns_) / ns_per_ms;
    if (std::abs(moved_ms) < jump_ms_min) return;
    wall_offset_ns_ = wall_offset_of(at);
    ++(moved_ms > 0 ? counted_.jumps_forward : counted_.jumps_back);
    if (at.monotonic.value() < next_line_ns_) return;
    next_line_ns_ = at.monotonic.value() + line_interval_ns;
    log_line(LogLevel::warn, "the machine's clock was set", {{"by_ms", moved_ms}});
}

void NodeClock::add_gap(TimestampMs from, TimestampMs to) const {
    if (gaps_.size() == gaps_max) {
        // The time between two gaps counts as skipped too: records are kept too long rather than too short.
        gaps_[0].to = gaps_[1].to;
        gaps_.erase(gaps_.begin() + 1);
    }
    gaps_.push_back({from, to});
    has_gaps_.store(true, std::memory_order_release);
}

void NodeClock::steer() const {
    const MutexLock lock(mutex_);
    const ClockReading at = read_closely();
    note_machine(at);
    const std::int64_t node_ns = at.monotonic.value() + offset_ns_.load(std::memory_order_relaxed);
    const std::int64_t ahead = node_ns - ns_of(at.now);
    next_steer_ns_.store(at.monotonic.value() + steer_interval_ns, std::memory_order_relaxed);
    if (ahead <= 0) {
        is_slow_ = false;
        // The gap is stored before the new time, so that ago() never sees the new time without the gap.
        if (-ahead >= gap_ms_min * ns_per_ms) add_gap(TimestampMs(node_ns / ns_per_ms), at.now);
        offset_ns_.store(wall_offset_of(at), std::memory_order_release);
        return;
    }
    if (ahead <= ahead_ns) {
        is_slow_ = false;
        return;
    }
    if (is_slow_) {
        const std::int64_t passed = at.monotonic.value() - slowed_to_ns_;
        offset_ns_.fetch_sub(std::min(ahead, passed / slow_down_divisor), std::memory_order_release);
    }
    is_slow_ = true;
    slowed_to_ns_ = at.monotonic.value();
}

TimestampMs NodeClock::ago(std::int64_t span_ms) const {
    std::int64_t at = now().value();
    if (!has_gaps_.load(std::memory_order_acquire)) return TimestampMs(at - span_ms);
    const MutexLock lock(mutex_);
    for (const ClockGap& gap : gaps_ | std::views::reverse) {
        const std::int64_t passed = std::max<std::int64_t>(at - gap.to.value(), 0);
        if (span_ms <= passed) break;
        span_ms -= passed;
        at = std::min(at, gap.from.value());
    }
    return TimestampMs(at - span_ms);
}

ClockRecord NodeClock::record() const {
    const TimestampMs at = now();
    const MutexLock lock(mutex_);
    return {at, gaps_};
}

std::int64_t NodeClock::accept_gaps() {
    const std::int64_t accepted = stats().gap_ms;
    const MutexLock lock(mutex_);
    gaps_.clear();
    has_gaps_ = false;
    return accepted;
}

void NodeClock::forget_gaps_beyond(std::int64_t span_ms_max) {
    if (!has_gaps_.load(std::memory_order_acquire)) return;
    const TimestampMs reach = ago(span_ms_max);
    const MutexLock lock(mutex_);
    std::erase_if(gaps_, [&](const ClockGap& gap) { return gap.to <= reach; });
    has_gaps_ = !gaps_.empty();
}

NodeClock::Stats NodeClock::stats() const {
    const std::int64_t node = now().value();
    const std::int64_t wall = machine_.now().value();
    const MutexLock lock(mutex_);
    Stats stats = counted_;
    stats.ahead_ms = std::max<std::int64_t>(node - wall, 0);
    for (const ClockGap& gap : gaps_) stats.gap_ms += gap.to.value() - gap.from.value();
    return stats;
}

}  // namespace riacho::core
