#include "base/token_bucket.h"

#include <gtest/gtest.h>

namespace riacho {
namespace {

constexpr TokenRate rate{.per_second = 2, .burst = 4};

MonotonicNs at_ms(std::int64_t ms) { return MonotonicNs(ms * 1'000'000); }

TEST(TokenBucket, starts_full_and_refills_at_its_rate_up_to_the_burst) {
    TokenBucket bucket;
    for (int i = 0; i < 4; ++i) EXPECT_TRUE(bucket.take(rate, 1, at_ms(1'000)));
    EXPECT_FALSE(bucket.take(rate, 1, at_ms(1'499)));
    EXPECT_TRUE(bucket.take(rate, 1, at_ms(1'500)));
    EXPECT_TRUE(bucket.has(rate, 4, at_ms(60'000)));
    EXPECT_FALSE(bucket.has(rate, 4.1, at_ms(60'000)));
}

TEST(TokenBucket, what_is_refused_takes_nothing) {
    TokenBucket bucket;
    EXPECT_FALSE(bucket.take(rate, 5, at_ms(0)));
    EXPECT_TRUE(bucket.take(rate, 4, at_ms(0)));
}

TEST(TokenBucket, debt_is_paid_before_anything_else_is_given) {
    TokenBucket bucket;
    EXPECT_TRUE(bucket.take_into_debt(rate, 10, at_ms(0)));  // 6 below zero: three seconds
    EXPECT_FALSE(bucket.take_into_debt(rate, 1, at_ms(3'000)));
    EXPECT_TRUE(bucket.take_into_debt(rate, 1, at_ms(3'001)));
}

TEST(TokenBucket, is_idle_after_a_minute_without_a_question) {
    TokenBucket bucket;
    bucket.take(rate, 1, at_ms(0));
    EXPECT_FALSE(bucket.is_idle(at_ms(60'000)));
    EXPECT_TRUE(bucket.is_idle(at_ms(60'001)));
}

}  // namespace
}  // namespace riacho
