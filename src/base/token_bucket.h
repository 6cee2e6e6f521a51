// TokenBucket: a rate limiter with a burst.
#pragma once

#include <cstdint>

#include "base/time.h"

namespace riacho {

struct TokenRate {
    double per_second = 0;
    double burst = 0;  // capacity of a bucket, and its first content
};

// Refills at a steady rate, up to the burst. Not thread-safe; every call on one bucket passes the same rate.
class TokenBucket {
public:
    // Takes n tokens and returns true; takes none and returns false if fewer are there.
    bool take(const TokenRate& rate, double n, MonotonicNs now);
    // Takes n tokens if at least one is there, and may leave the bucket below zero: for requests larger than the burst,
    // and for calls whose cost is known only afterwards. False if there was no token.
    bool take_into_debt(const TokenRate& rate, double n, MonotonicNs now);
    // Whether take() would succeed.
    bool has(const TokenRate& rate, double n, MonotonicNs now);
    // The bucket has not been used for so long that every debt is paid: forgetting it changes nothing.
    [[nodiscard]] bool is_idle(MonotonicNs now) const { return now.value() - refilled_ns_ > idle_ns; }

private:
    static constexpr std::int64_t idle_ns = 60'000'000'000;

    void refill(const TokenRate& rate, MonotonicNs now);

    double tokens_ = 0;
    std::int64_t refilled_ns_ = -1;  // -1: never used
};

}  // namespace riacho
