// Backoff: exponential delays with jitter between attempts.
#pragma once

#include <algorithm>
#include <cstdint>

#include "core/rng.h"

namespace riacho::core {

// The bound doubles up to a maximum; a delay is a random part of it, at least half, so that clients that failed
// together do not retry together. Not thread-safe.
class Backoff {
public:
    // 0 < first_ms <= max_ms.
    Backoff(std::int64_t first_ms, std::int64_t max_ms) : first_ms_(first_ms), max_ms_(max_ms), bound_ms_(first_ms) {}

    // The delay after a failed attempt, in milliseconds: from half of the present bound to all of it.
    std::int64_t next_ms(Rng& rng) {
        const auto half = static_cast<std::uint64_t>(bound_ms_ + 1) / 2;
        const std::uint64_t spread = static_cast<std::uint64_t>(bound_ms_) - half + 1;
        bound_ms_ = std::min(max_ms_, bound_ms_ * 2);
        return static_cast<std::int64_t>(half + rng.next() % spread);
    }
    // Back to the first bound, after a success.
    void reset() { bound_ms_ = first_ms_; }

private:
    const std::int64_t first_ms_;
    const std::int64_t max_ms_;
    std::int64_t bound_ms_;
};

}  // namespace riacho::core
