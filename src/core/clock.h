// Clock: the one source of time. Everything outside core/ takes a Clock&, so that tests and users of test mode can move
// it. Times that a node stores or compares come from core::NodeClock (core/node_clock.h), which never goes back.
#pragma once

#include <atomic>

#include "base/time.h"

namespace riacho::core {

// Both clocks at one moment.
struct ClockReading {
    TimestampMs now;
    MonotonicNs monotonic;
};

// Thread-safe.
class Clock {
public:
    virtual ~Clock() = default;
    [[nodiscard]] virtual TimestampMs now() const = 0;
    [[nodiscard]] virtual MonotonicNs monotonic() const = 0;
    // The wall clock is read first: if the thread is suspended between the two reads, the wall clock looks late, never
    // early.
    [[nodiscard]] virtual ClockReading read() const {
        const TimestampMs at = now();
        return {at, monotonic()};
    }
    // The instant that lies span_ms back, used for retention. NodeClock does not count spans in which no time passed.
    [[nodiscard]] virtual TimestampMs ago(std::int64_t span_ms) const { return TimestampMs(now().value() - span_ms); }
};

// The machine's clocks.
class SystemClock final : public Clock {
public:
    [[nodiscard]] TimestampMs now() const override;
    [[nodiscard]] MonotonicNs monotonic() const override;
};

// The machine's clocks, scaled and movable: for tests of behaviour that takes hours, such as retention.
class TestClock final : public Clock {
public:
    // offset_ms: initial offset of the wall clock from the machine's.
    explicit TestClock(std::int64_t scale, std::int64_t offset_ms = 0)
        : scale_(scale), started_(system_.now().plus(offset_ms)), started_ns_(system_.monotonic()) {}
    [[nodiscard]] TimestampMs now() const override { return read().now; }
    [[nodiscard]] MonotonicNs monotonic() const override;
    [[nodiscard]] ClockReading read() const override;
    // Moves both clocks forward by the same span.
    void advance_ms(std::int64_t span_ms) { advanced_ms_ += span_ms; }
    // Moves the wall clock alone forward or back, as an administrator or NTP would.
    void step_ms(std::int64_t span_ms) { stepped_ms_ += span_ms; }

private:
    SystemClock system_;
    const std::int64_t scale_;
    const TimestampMs started_;
    const MonotonicNs started_ns_;
    std::atomic<std::int64_t> advanced_ms_{0};
    std::atomic<std::int64_t> stepped_ms_{0};
};

// Stands still until advanced.
class ManualClock final : public Clock {
public:
    explicit ManualClock(TimestampMs start) : now_ms_(start.value()) {}
    [[nodiscard]] TimestampMs now() const override { return TimestampMs(now_ms_.load()); }
    [[nodiscard]] MonotonicNs monotonic() const override { return MonotonicNs(elapsed_ms_.load() * 1'000'000); }
    // Moves both clocks forward by the same span.
    void advance_ms(std::int64_t span_ms) {
        now_ms_ += span_ms;
        elapsed_ms_ += span_ms;
    }
    // Sets the wall clock alone, as an administrator or NTP would.
    void set(TimestampMs now) { now_ms_ = now.value(); }

private:
    std::atomic<std::int64_t> now_ms_;
    std::atomic<std::int64_t> elapsed_ms_{0};
};

}  // namespace riacho::core
