// Backoff: how long to wait before the next attempt.
#pragma once

#include <algorithm>
#include <cstdint>

#include "core/rng.h"

namespace riacho::core {

// Doubles up to a maximum, and gives a random part of that (at least half), so that many who failed together do not
// come back together. Not thread-safe.
class Backoff {
public:
    // 0 < first_ms <= max_ms.
    Backoff(std::int64_t first_ms, std::int64_t max_ms) : first_ms_(first_ms), max_ms_(max_ms), bound_ms_(first_ms) {}

    // After a failed attempt: from half of the present bound to all of it.
    std::int64_t next_ms(Rng& rng) {
        const auto half = static_cast<std::uint64_t>(bound_ms_ + 1) / 2;
        const std::uint64_t spread = static_cast<std::uint64_t>(bound_ms_) - half + 1;
        bound_ms_ = std::min(max_ms_, bound_ms_ * 2);
        return static_cast<std::int64_t>(half + rng.next() % spread);
    }
    // After a success.
    void reset() { bound_ms_ = first_ms_; }

private:
    const std::int64_t first_ms_;
    const std::int64_t max_ms_;
    std::int64_t bound_ms_;
};

}  // namespace riacho::core
