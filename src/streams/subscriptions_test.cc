#include "streams/subscriptions.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>

namespace riacho::streams {
namespace {

constexpr std::int64_t second_ns = 1'000'000'000;
constexpr MonotonicNs begin_ns{second_ns};
constexpr std::size_t cache_bytes = std::size_t{32} << 20;

EventCache::Event event(std::uint64_t shard, std::uint64_t from, std::uint64_t next, std::size_t size,
                        std::size_t capacity = 0) {
    auto buffer = std::make_shared<Buffer>(std::max(capacity, size));
    std::memset(buffer->extend(size), 'x', size);
    return {shard, from, next, size, true, begin_ns, std::move(buffer)};
}

// The end of the event that a subscriber would use from the cache; 0 when there is none.
std::uint64_t found(const EventCache& cache, const EventCache::Wanted& wanted, std::int64_t ns_later = 0) {
    const auto event = cache.find(wanted, MonotonicNs(begin_ns.value() + ns_later));
    return event ? event->next : 0;
}

TEST(EventCache, gives_an_event_to_who_is_at_the_same_place) {
    EventCache cache(cache_bytes);
    EXPECT_EQ(found(cache, {1, 0, 5, true}), 0U);
    cache.keep(event(1, 0, 5, 100));
    EXPECT_EQ(found(cache, {1, 0, 5, true}), 5U);
    EXPECT_EQ(found(cache, {1, 0, 5, true}, 60 * second_ns), 5U) << "it still reaches the tip";
    EXPECT_EQ(found(cache, {2, 0, 5, true}), 0U) << "another shard";
    EXPECT_EQ(found(cache, {1, 3, 5, true}), 0U) << "fewer records";
    EXPECT_EQ(found(cache, {1, 0, 6, true}), 0U) << "more records";
    EXPECT_EQ(found(cache, {1, 0, 5, false}), 0U) << "there are more records by now";
    cache.keep(event(1, 5, 7, 100));
    EXPECT_EQ(found(cache, {1, 5, 7, true}), 7U);
}

TEST(EventCache, gives_a_large_fresh_event_to_who_is_a_little_behind) {
    constexpr std::size_t large = std::size_t{64} << 10;
    EventCache cache(cache_bytes);
    cache.keep(event(1, 0, 5, large));
    cache.keep(event(1, 5, 9, large));
    EXPECT_EQ(found(cache, {1, 0, 9, true}), 5U);
    EXPECT_EQ(found(cache, {1, 0, 8, false}), 5U) << "a reader whose reply was full";
    EXPECT_EQ(found(cache, {1, 5, 9, true}), 9U);
    EXPECT_EQ(found(cache, {1, 0, 4, false}), 0U) << "fewer than the event has";
    EXPECT_EQ(found(cache, {1, 0, 9, true}, second_ns), 0U) << "what it says of the tip is a second old";
    cache.keep(event(2, 0, 5, large - 1));
    EXPECT_EQ(found(cache, {2, 0, 9, true}), 0U) << "small ones are made anew, with all that there is";
}

TEST(EventCache, is_bounded_by_memory_and_by_number) {
    const auto kept = [](const EventCache& cache, std::uint64_t shards) {
        std::size_t count = 0;
        for (std::uint64_t shard = 0; shard < shards; ++shard) count += found(cache, {shard, 0, 1, true});
        return count;
    };
    EventCache cache(cache_bytes);
    for (std::uint64_t shard = 0; shard < 100; ++shard) cache.keep(event(shard, 0, 1, 10, std::size_t{8} << 20));
    EXPECT_GT(kept(cache, 100), 0U);
    EXPECT_LE(kept(cache, 100), 4U);
    EXPECT_EQ(found(cache, {99, 0, 1, true}), 1U) << "the newest stay";

    cache.keep(event(200, 0, 1, 10, std::size_t{33} << 20));
    EXPECT_EQ(found(cache, {200, 0, 1, true}), 0U);

    EventCache many(cache_bytes);
    for (std::uint64_t shard = 0; shard < 1000; ++shard) many.keep(event(shard, 0, 1, 10));
    EXPECT_EQ(kept(many, 1000), 64U);
}

TEST(Subscriptions, a_second_call_waits_five_seconds_and_then_takes_over) {
    Subscriptions subscriptions(cache_bytes);
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
    // The end of the displaced call must not end the call that took over.
    subscriptions.end("arn", 0, *first, MonotonicNs(start + Subscriptions::exclusive_ns + 1));
    EXPECT_EQ(subscriptions.active(), 2U);
    subscriptions.end("arn", 0, *second, MonotonicNs(start + Subscriptions::exclusive_ns + 2));
    EXPECT_EQ(subscriptions.active(), 1U);
}

}  // namespace
}  // namespace riacho::streams
