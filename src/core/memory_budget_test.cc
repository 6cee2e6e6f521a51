#include "core/memory_budget.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <thread>
#include <vector>

#include "core/runtime.h"
#include "core/task.h"

namespace riacho::core {
namespace {

MemoryBudget::Shares shares_of(std::size_t each) {
    MemoryBudget::Shares shares;
    shares.fill(each);
    return shares;
}

constexpr MemoryUse use = MemoryUse::calls;

TEST(MemoryBudget, a_share_is_taken_to_the_last_byte_and_no_further) {
    MemoryBudget budget(shares_of(100));
    EXPECT_TRUE(budget.try_take(use, 60));
    EXPECT_FALSE(budget.try_take(use, 41));
    EXPECT_TRUE(budget.try_take(use, 40));
    EXPECT_EQ(budget.used(use), 100U);
    EXPECT_EQ(budget.refused(use), 1U);
    budget.give(use, 100);
    EXPECT_EQ(budget.used(use), 0U);
}

TEST(MemoryBudget, one_use_does_not_take_from_another) {
    MemoryBudget budget(shares_of(100));
    EXPECT_TRUE(budget.try_take(MemoryUse::replies, 100));
    EXPECT_TRUE(budget.try_take(MemoryUse::bodies, 100));
    EXPECT_FALSE(budget.try_take(MemoryUse::replies, 1));
    budget.give(MemoryUse::replies, 100);
    budget.give(MemoryUse::bodies, 100);
}

TEST(MemoryBudget, a_lease_grows_shrinks_moves_and_gives_back) {
    MemoryBudget budget(shares_of(100));
    {
        MemoryLease lease(budget, use);
        EXPECT_TRUE(lease.grow_to(70));
        EXPECT_FALSE(lease.grow_to(101));
        EXPECT_EQ(lease.bytes(), 70U) << "what was held is still held";
        lease.shrink_to(30);
        EXPECT_EQ(budget.used(use), 30U);
        MemoryLease moved(std::move(lease));
        EXPECT_EQ(moved.bytes(), 30U);
        EXPECT_EQ(budget.used(use), 30U);
    }
    EXPECT_EQ(budget.used(use), 0U);
    MemoryLease none;
    EXPECT_FALSE(none.grow_to(1)) << "a lease without a budget holds nothing";
}

TEST(MemoryBudget, memory_is_scarce_above_three_quarters) {
    MemoryBudget budget(shares_of(100));
    EXPECT_TRUE(budget.try_take(use, 75));
    EXPECT_FALSE(budget.is_scarce(use));
    EXPECT_TRUE(budget.try_take(use, 1));
    EXPECT_TRUE(budget.is_scarce(use));
    budget.give(use, 76);
}

// Sizes near the end of the type must not wrap around to small ones.
TEST(MemoryBudget, a_size_beyond_the_share_is_refused_at_once) {
    MemoryBudget budget(shares_of(100));
    EXPECT_TRUE(budget.try_take(use, 1));
    EXPECT_FALSE(budget.try_take(use, SIZE_MAX));
    EXPECT_EQ(budget.used(use), 1U);
    budget.give(use, 1);
}

class Waiting : public ::testing::Test {
protected:
    void SetUp() override { runtime_.start(); }
    void TearDown() override { runtime_.stop(); }

    Task<void> take(std::size_t bytes, std::int64_t wait_ms, std::promise<bool>* done) {
        const bool taken = co_await budget_.take(runtime_.core(0), use, bytes, wait_ms);
        done->set_value(taken);
    }
    std::future<bool> begin(std::promise<bool>& done, std::size_t bytes, std::int64_t wait_ms) {
        spawn(runtime_.core(0), [this, bytes, wait_ms, &done] { return take(bytes, wait_ms, &done); });
        return done.get_future();
    }
    void wait_until_scarce() {
        while (!budget_.is_scarce(use)) std::this_thread::yield();
    }

    Runtime runtime_{1};
    MemoryBudget budget_{shares_of(100)};
};

TEST_F(Waiting, what_is_given_back_goes_to_the_first_in_line) {
    ASSERT_TRUE(budget_.try_take(use, 70));
    std::promise<bool> large;
    std::promise<bool> small;
    auto large_taken = begin(large, 90, 600'000);
    wait_until_scarce();
    auto small_taken = begin(small, 20, 600'000);
    EXPECT_EQ(small_taken.wait_for(std::chrono::milliseconds(50)), std::future_status::timeout)
        << "30 bytes are free, but a larger request waits before it";
    budget_.give(use, 70);
    EXPECT_TRUE(large_taken.get());
    budget_.give(use, 90);
    EXPECT_TRUE(small_taken.get());
    budget_.give(use, 20);
}

TEST_F(Waiting, whoever_waits_in_vain_makes_way_for_the_next) {
    ASSERT_TRUE(budget_.try_take(use, 70));
    std::promise<bool> large;
    std::promise<bool> small;
    auto large_taken = begin(large, 90, 100);
    wait_until_scarce();
    auto small_taken = begin(small, 20, 600'000);
    EXPECT_FALSE(large_taken.get());
    EXPECT_TRUE(small_taken.get());
    EXPECT_EQ(budget_.used(use), 90U);
    budget_.give(use, 90);
}

TEST_F(Waiting, what_can_never_fit_does_not_wait) {
    std::promise<bool> done;
    EXPECT_FALSE(begin(done, 101, 600'000).get());
}

// Many threads take and give while a coroutine waits for everything again and again: no grant is lost.
TEST_F(Waiting, no_wakeup_is_lost) {
    std::atomic<bool> ending{false};
    std::vector<std::thread> threads;
    for (int i = 0; i < 3; ++i) {
        threads.emplace_back([&] {
            while (!ending) {
                if (budget_.try_take(use, 40)) budget_.give(use, 40);
            }
        });
    }
    for (int i = 0; i < 200; ++i) {
        std::promise<bool> done;
        ASSERT_TRUE(begin(done, 61, 600'000).get());
        budget_.give(use, 61);
    }
    ending = true;
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(budget_.used(use), 0U);
}

}  // namespace
}  // namespace riacho::core
