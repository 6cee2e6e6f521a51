// The one source of time. Everything outside core/ takes a Clock&, so that tests and users of test mode can move it.
// What a node stores and compares goes by core::NodeClock (core/node_clock.h), which never goes back.
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
    // The wall clock is read first: a thread that is suspended between the two makes it look late, never early.
    [[nodiscard]] virtual ClockReading read() const {
        const TimestampMs at = now();
        return {at, monotonic()};
    }
    // The instant that lies span_ms back: what retention goes by. NodeClock leaves out time that did not pass.
    [[nodiscard]] virtual TimestampMs ago(std::int64_t span_ms) const { return TimestampMs(now().value() - span_ms); }
};

// The machine's clocks.
class SystemClock final : public Clock {
public:
    [[nodiscard]] TimestampMs now() const override;
    [[nodiscard]] MonotonicNs monotonic() const override;
};

// The machine's clocks, made faster and moved at will: for tests of what takes hours, as retention does.
class TestClock final : public Clock {
public:
    // offset_ms: how far off the wall clock begins.
    explicit TestClock(std::int64_t scale, std::int64_t offset_ms = 0)
        : scale_(scale), started_(system_.now().plus(offset_ms)), started_ns_(system_.monotonic()) {}
    [[nodiscard]] TimestampMs now() const override { return read().now; }
    [[nodiscard]] MonotonicNs monotonic() const override;
    [[nodiscard]] ClockReading read() const override;
    // Both clocks go forward by the same span.
    void advance_ms(std::int64_t span_ms) { advanced_ms_ += span_ms; }
    // The wall clock alone is set forward or back, as an administrator or NTP would.
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
    // Both clocks go forward by the same span.
    void advance_ms(std::int64_t span_ms) {
        now_ms_ += span_ms;
        elapsed_ms_ += span_ms;
    }
    // The wall clock alone is set, as an administrator or NTP would.
    void set(TimestampMs now) { now_ms_ = now.value(); }

private:
    std::atomic<std::int64_t> now_ms_;
    std::atomic<std::int64_t> elapsed_ms_{0};
};

}  // namespace riacho::core
