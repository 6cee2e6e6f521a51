#include "streams/subscriptions.h"

#include <gtest/gtest.h>

namespace riacho::streams {
namespace {

EventCache::Frames frames(std::string_view text, std::size_t capacity = 0) {
    auto buffer = std::make_shared<Buffer>(std::max(capacity, text.size()));
    buffer->append(text);
    return buffer;
}

TEST(EventCache, gives_the_newest_event_of_a_shard_and_no_other) {
    EventCache cache;
    EXPECT_EQ(cache.find(1, 0, 5), nullptr);
    cache.keep(1, 0, 5, frames("first"));
    ASSERT_NE(cache.find(1, 0, 5), nullptr);
    EXPECT_EQ(cache.find(1, 0, 5)->view(), "first");
    EXPECT_EQ(cache.find(2, 0, 5), nullptr) << "another shard";
    EXPECT_EQ(cache.find(1, 3, 5), nullptr) << "fewer records";
    EXPECT_EQ(cache.find(1, 0, 6), nullptr) << "more records";
    const EventCache::Frames held = cache.find(1, 0, 5);
    cache.keep(1, 5, 7, frames("second"));
    EXPECT_EQ(cache.find(1, 0, 5), nullptr);
    EXPECT_EQ(cache.find(1, 5, 7)->view(), "second");
    EXPECT_EQ(held->view(), "first") << "a subscriber that is still sending keeps its event";
}

TEST(EventCache, is_bounded_by_memory_and_by_number) {
    EventCache cache;
    for (std::uint64_t shard = 0; shard < 100; ++shard) cache.keep(shard, 0, 1, frames("event", std::size_t{8} << 20));
    std::size_t kept = 0;
    for (std::uint64_t shard = 0; shard < 100; ++shard) kept += cache.find(shard, 0, 1) == nullptr ? 0 : 1;
    EXPECT_GT(kept, 0U);
    EXPECT_LE(kept, 4U);

    cache.keep(7, 1, 2, frames("too large", std::size_t{33} << 20));
    EXPECT_EQ(cache.find(7, 1, 2), nullptr);

    EventCache many;
    for (std::uint64_t shard = 0; shard < 1000; ++shard) many.keep(shard, 0, 1, frames("event"));
    kept = 0;
    for (std::uint64_t shard = 0; shard < 1000; ++shard) kept += many.find(shard, 0, 1) == nullptr ? 0 : 1;
    EXPECT_GT(kept, 0U);
    EXPECT_LE(kept, 64U);
}

TEST(Subscriptions, a_second_call_waits_five_seconds_and_then_takes_over) {
    Subscriptions subscriptions;
    const std::int64_t start = 1'000'000'000;
    int displaced = 0;
    const auto first = std::make_shared<Subscription>();
    first->displace = [&] { ++displaced; };
    const auto second = std::make_shared<Subscription>();
    second->displace = [&] { ++displaced; };
    EXPECT_TRUE(subscriptions.begin("arn", 0, MonotonicNs(start), first));
    EXPECT_FALSE(subscriptions.begin("arn", 0, MonotonicNs(start + Subscriptions::exclusive_ns - 1), second));
    EXPECT_TRUE(subscriptions.begin("arn", 1, MonotonicNs(start), second)) << "another shard";
    EXPECT_EQ(displaced, 0);
    EXPECT_TRUE(subscriptions.begin("arn", 0, MonotonicNs(start + Subscriptions::exclusive_ns), second));
    EXPECT_EQ(displaced, 1);
    EXPECT_EQ(subscriptions.active(), 2U);
    // The displaced call's end must not end the one that took over.
    subscriptions.end("arn", 0, *first, MonotonicNs(start + Subscriptions::exclusive_ns + 1));
    EXPECT_EQ(subscriptions.active(), 2U);
    subscriptions.end("arn", 0, *second, MonotonicNs(start + Subscriptions::exclusive_ns + 2));
    EXPECT_EQ(subscriptions.active(), 1U);
}

}  // namespace
}  // namespace riacho::streams
