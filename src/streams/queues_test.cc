#include "streams/queues.h"

#include <gtest/gtest.h>

#include "core/rng.h"
#include "streams/faults.h"
#include "streams/limits.h"

namespace riacho::streams {
namespace {

TimestampMs at(std::int64_t ms) { return TimestampMs(ms); }

TEST(Deliveries, come_back_when_their_time_is_over) {
    Deliveries deliveries;
    std::vector<QueueKey> exhausted;
    const auto first = deliveries.deliver({1, 5}, at(0), at(100));
    ASSERT_TRUE(first);
    EXPECT_FALSE(deliveries.deliver({1, 5}, at(0), at(100))) << "it is being worked on";
    EXPECT_TRUE(deliveries.redeliver(10, at(99), at(200), 2, exhausted).empty());
    const auto second = deliveries.redeliver(10, at(100), at(200), 2, exhausted);
    ASSERT_EQ(second.size(), 1U);
    EXPECT_EQ(second[0].receive_count, 2);
    EXPECT_EQ(second[0].first_receive, at(0));
    EXPECT_FALSE(deliveries.is_valid({1, 5}, first->receipt));
    EXPECT_TRUE(deliveries.is_valid({1, 5}, second[0].receipt));
    EXPECT_FALSE(deliveries.change_visibility({1, 5}, first->receipt, at(300)));
    EXPECT_TRUE(deliveries.change_visibility({1, 5}, second[0].receipt, at(300)));
    EXPECT_TRUE(deliveries.redeliver(10, at(200), at(400), 2, exhausted).empty());
    EXPECT_TRUE(deliveries.redeliver(10, at(300), at(400), 2, exhausted).empty());
    EXPECT_EQ(exhausted, (std::vector<QueueKey>{{1, 5}}));
    deliveries.forget({1, 5});
    EXPECT_EQ(deliveries.size(), 0U);
    EXPECT_TRUE(deliveries.is_valid({1, 5}, 99)) << "from before a restart";
}

// Burying may fail, as on a full disk.
TEST(Deliveries, what_was_received_too_often_stays_until_it_is_buried) {
    Deliveries deliveries;
    std::vector<QueueKey> exhausted;
    ASSERT_TRUE(deliveries.deliver({1, 5}, at(0), at(100)));
    EXPECT_TRUE(deliveries.redeliver(10, at(100), at(200), 1, exhausted).empty());
    EXPECT_EQ(exhausted, (std::vector<QueueKey>{{1, 5}}));
    exhausted.clear();
    EXPECT_TRUE(deliveries.redeliver(10, at(199), at(300), 1, exhausted).empty());
    EXPECT_TRUE(exhausted.empty()) << "somebody is burying it";
    EXPECT_FALSE(deliveries.deliver({1, 5}, at(199), at(300)));
    EXPECT_TRUE(deliveries.redeliver(10, at(200), at(300), 1, exhausted).empty());
    EXPECT_EQ(exhausted, (std::vector<QueueKey>{{1, 5}}));
}

TEST(Deliveries, a_timeout_of_nothing_does_not_loop) {
    Deliveries deliveries;
    std::vector<QueueKey> exhausted;
    ASSERT_TRUE(deliveries.deliver({1, 1}, at(0), at(0)));
    EXPECT_EQ(deliveries.redeliver(10, at(0), at(0), 0, exhausted).size(), 1U);
}

TEST(Deliveries, two_readers_do_not_take_the_same_records) {
    Deliveries deliveries;
    EXPECT_EQ(deliveries.cursor(1, 3), 3U);
    EXPECT_TRUE(deliveries.move_cursor(1, 3, 8));
    EXPECT_FALSE(deliveries.move_cursor(1, 3, 5));
    EXPECT_EQ(deliveries.cursor(1, 3), 8U);
}

TEST(Receipt, is_opaque_and_ours) {
    core::SeededRng rng(1);
    const TokenSealer sealer({}, rng);
    const std::string handle = seal_receipt(sealer, {"arn", {7, 9}, 4, true});
    EXPECT_LE(handle.size(), 1024U);
    const auto receipt = open_receipt(sealer, handle);
    ASSERT_TRUE(receipt);
    EXPECT_EQ(receipt->arn, "arn");
    EXPECT_EQ(receipt->key, (QueueKey{7, 9}));
    EXPECT_EQ(receipt->number, 4U);
    EXPECT_TRUE(receipt->dead);
    EXPECT_FALSE(open_receipt(sealer, "nonsense"));
    EXPECT_FALSE(open_receipt(sealer, sealer.seal(TokenSealer::Kind::shard_iterator, "x")));
}

TEST(Limits, a_shard_gets_a_second_of_tokens_and_waits_for_more) {
    Limits limits(true);
    const MonotonicNs start(1);
    const MonotonicNs second_later(1'000'000'001);
    EXPECT_TRUE(limits.write(1, 1 << 20, start));
    EXPECT_FALSE(limits.write(1, 1, start));
    EXPECT_TRUE(limits.write(2, 1, start)) << "another shard";
    EXPECT_TRUE(limits.write(1, 1 << 19, second_later));
    EXPECT_TRUE(limits.write(1, 10 << 20, second_later)) << "a large record goes into debt";
    EXPECT_FALSE(limits.write(1, 1, MonotonicNs(3'000'000'001)));
    for (int i = 0; i < 5; ++i) EXPECT_TRUE(limits.get_iterator(1, start));
    EXPECT_FALSE(limits.get_iterator(1, start));
    Limits off(false);
    for (int i = 0; i < 100; ++i) EXPECT_TRUE(off.write(1, 10 << 20, start));
}

TEST(Deliveries, tell_when_the_first_becomes_visible) {
    Deliveries deliveries;
    EXPECT_FALSE(deliveries.next_visible());
    const auto late = deliveries.deliver({1, 1}, at(0), at(9'000));
    static_cast<void>(deliveries.deliver({1, 2}, at(0), at(7'000)));
    EXPECT_EQ(deliveries.next_visible(), at(7'000));
    EXPECT_TRUE(deliveries.change_visibility({1, 1}, late->receipt, at(5'000)));
    EXPECT_EQ(deliveries.next_visible(), at(5'000));
    deliveries.forget({1, 1});
    deliveries.forget({1, 2});
    EXPECT_FALSE(deliveries.next_visible());
}

TEST(Limits, what_is_idle_is_forgotten) {
    Limits limits(true);
    MonotonicNs now(1);
    for (std::uint64_t i = 0; i < 200'000; ++i) {
        limits.call("000000000000", "region-" + std::to_string(i), "ListShards", now);
        limits.write(i, 1, now);
        now = now.plus(10'000'000);
    }
    EXPECT_LT(limits.size(), 50'000U);
    for (int i = 0; i < 5; ++i) EXPECT_TRUE(limits.get_iterator(200'000, now));
    for (std::uint64_t i = 0; i < 100'000; ++i) limits.write(i, 1, now);
    EXPECT_FALSE(limits.get_iterator(200'000, now)) << "what is in use is not";
}

TEST(Limits, a_day_is_rolling) {
    Limits limits(true);
    constexpr std::int64_t day = 24LL * 3'600'000;
    limits.count_daily(1, "UpdateStreamMode", at(0));
    limits.count_daily(1, "UpdateStreamMode", at(1'000));
    EXPECT_FALSE(limits.has_daily(1, "UpdateStreamMode", 2, at(day - 1)));
    EXPECT_TRUE(limits.has_daily(1, "UpdateStreamMode", 2, at(day)));
    EXPECT_TRUE(limits.has_daily(2, "UpdateStreamMode", 2, at(1)));
}

TEST(Faults, are_read_strictly) {
    EXPECT_EQ(parse_faults(""), Faults{});
    EXPECT_EQ(parse_faults("throttle=10,partial=5,error=1,delay=50"), (Faults{10, 5, 1, 50}));
    for (const char* bad : {"throttle", "throttle=101", "throttle=-1", "delay=60001", "other=1", "throttle=1x", "=1"}) {
        EXPECT_FALSE(parse_faults(bad)) << bad;
    }
}

TEST(Queues, the_work_of_queues_that_are_gone_is_forgotten) {
    Queues queues;
    const auto kept = queues.of("kept");
    const std::weak_ptr<QueueWork> gone = queues.of("gone");
    queues.retain([](const std::string& arn) { return arn == "kept"; });
    EXPECT_TRUE(gone.expired());
    EXPECT_EQ(queues.of("kept"), kept);
    EXPECT_EQ(queues.size(), 1U);
}

TEST(Deliveries, their_memory_is_bounded_and_given_back) {
    core::MemoryBudget::Shares shares{};
    shares[static_cast<std::size_t>(core::MemoryUse::queues)] = 100 * 256;
    core::MemoryBudget budget(shares);
    Deliveries deliveries(&budget);
    std::uint64_t seq = 0;
    for (; seq < 200 && deliveries.make_room(10); seq += 10) {
        for (std::uint64_t i = 0; i < 10; ++i) deliveries.deliver({1, seq + i}, TimestampMs(0), TimestampMs(1'000));
    }
    EXPECT_EQ(seq, 100U);
    for (std::uint64_t i = 0; i < 100; ++i) deliveries.forget({1, i});
    EXPECT_TRUE(deliveries.make_room(10));
    EXPECT_LE(budget.used(core::MemoryUse::queues), 20U * 256);
}

}  // namespace
}  // namespace riacho::streams
