#include "base/token_bucket.h"

#include <algorithm>

namespace riacho {

void TokenBucket::refill(const TokenRate& rate, MonotonicNs now) {
    if (refilled_ns_ < 0) {
        tokens_ = rate.burst;
    } else {
        const auto passed_s = static_cast<double>(std::max<std::int64_t>(now.value() - refilled_ns_, 0)) / 1e9;
        tokens_ = std::min(rate.burst, tokens_ + rate.per_second * passed_s);
    }
    refilled_ns_ = now.value();
}

bool TokenBucket::has(const TokenRate& rate, double n, MonotonicNs now) {
    refill(rate, now);
    return tokens_ >= n;
}

bool TokenBucket::take(const TokenRate& rate, double n, MonotonicNs now) {
    if (!has(rate, n, now)) return false;
    tokens_ -= n;
    return true;
}

bool TokenBucket::take_into_debt(const TokenRate& rate, double n, MonotonicNs now) {
    refill(rate, now);
    if (tokens_ <= 0) return false;
    tokens_ -= n;
    return true;
}

}  // namespace riacho
