// A rate with a burst.
#pragma once

#include <cstdint>

#include "base/time.h"

namespace riacho {

struct TokenRate {
    double per_second = 0;
    double burst = 0;  // tokens that a bucket holds at most, and at first
};

// Tokens that come back at a steady rate, up to the burst. Not thread-safe; one bucket always goes by the same rate.
class TokenBucket {
public:
    // True if all n were there; else none is taken.
    bool take(const TokenRate& rate, double n, MonotonicNs now);
    // True if there was any token; then n are taken, and the bucket may go below zero: for what is larger than the
    // burst, and for calls whose cost is known only afterwards.
    bool take_into_debt(const TokenRate& rate, double n, MonotonicNs now);
    // Whether take() would find n.
    bool has(const TokenRate& rate, double n, MonotonicNs now);
    // Nobody has asked for so long that all debts are paid: forgetting it changes nothing.
    [[nodiscard]] bool is_idle(MonotonicNs now) const { return now.value() - refilled_ns_ > idle_ns; }

private:
    static constexpr std::int64_t idle_ns = 60'000'000'000;

    void refill(const TokenRate& rate, MonotonicNs now);

    double tokens_ = 0;
    std::int64_t refilled_ns_ = -1;  // never asked
};

}  // namespace riacho
