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

}  // namespace riacho::core
