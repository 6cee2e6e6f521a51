#include "core/clock.h"

#include <ctime>

namespace riacho::core {

TimestampMs SystemClock::now() const {
    timespec t{};
    clock_gettime(CLOCK_REALTIME, &t);
    return TimestampMs(t.tv_sec * 1000 + t.tv_nsec / 1'000'000);
}

MonotonicNs SystemClock::monotonic() const {
    timespec t{};
    clock_gettime(CLOCK_MONOTONIC, &t);
    return MonotonicNs(t.tv_sec * 1'000'000'000 + t.tv_nsec);
}

MonotonicNs TestClock::monotonic() const {
    const std::int64_t passed = system_.monotonic().value() - started_ns_.value();
    return MonotonicNs(started_ns_.value() + passed * scale_ + advanced_ms_.load() * 1'000'000);
}

ClockReading TestClock::read() const {
    const MonotonicNs at = monotonic();
    const std::int64_t passed_ms = (at.value() - started_ns_.value()) / 1'000'000;
    return {TimestampMs(started_.value() + passed_ms + stepped_ms_.load()), at};
}

}  // namespace riacho::core
