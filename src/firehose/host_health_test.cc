#include "firehose/host_health.h"

#include <gtest/gtest.h>

#include "core/rng.h"

namespace riacho::firehose {
namespace {

class HostHealthTest : public testing::Test {
protected:
    TimestampMs fail_once(TimestampMs at) { return health.failed("host", at, 1'000, std::nullopt); }
    core::SeededRng rng{1};
    HostHealth health{rng};
};

TEST_F(HostHealthTest, gaps_double_up_to_two_minutes_with_a_little_chance) {
    TimestampMs now(0);
    std::int64_t expected = 1'000;
    for (int i = 0; i < 12; ++i) {
        static_cast<void>(health.blocked_until("host", now));
        const std::int64_t gap = fail_once(now).value() - now.value();
        EXPECT_GE(gap, expected * 85 / 100);
        EXPECT_LE(gap, expected * 115 / 100 + 1);
        expected = std::min<std::int64_t>(expected * 2, 120'000);
        now = now.plus(gap);
    }
}

TEST_F(HostHealthTest, one_that_is_down_is_tried_by_one_at_a_time) {
    TimestampMs now(0);
    for (int i = 0; i < 5; ++i) {
        EXPECT_FALSE(health.blocked_until("host", now));
        now = fail_once(now);
    }
    EXPECT_TRUE(health.blocked_until("host", now.plus(-1)));
    EXPECT_FALSE(health.blocked_until("host", now)) << "the one that tries";
    EXPECT_TRUE(health.blocked_until("host", now)) << "the others wait for it";
    EXPECT_FALSE(health.blocked_until("another", now));
    health.let_go("host");
    EXPECT_FALSE(health.blocked_until("host", now));
    EXPECT_TRUE(health.succeeded("host"));
    EXPECT_FALSE(health.succeeded("host")) << "it is told once";
    EXPECT_FALSE(health.blocked_until("host", now));
}

TEST_F(HostHealthTest, failures_of_the_same_moment_count_once) {
    const TimestampMs first = fail_once(TimestampMs(0));
    for (int i = 0; i < 10; ++i) EXPECT_EQ(fail_once(TimestampMs(10)), first);
    EXPECT_EQ(health.failing().front().failures, 1U);
}

TEST_F(HostHealthTest, what_the_store_asks_for_is_waited) {
    EXPECT_GE(health.failed("host", TimestampMs(0), 1'000, 60'000), TimestampMs(60'000));
}

}  // namespace
}  // namespace riacho::firehose
