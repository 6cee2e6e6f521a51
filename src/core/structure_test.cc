// Tests of the building blocks of concurrent code: gates, groups, alarms, backoff.
#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <set>
#include <thread>

#include "core/alarm.h"
#include "core/backoff.h"
#include "core/gate.h"
#include "core/runtime.h"
#include "core/task.h"
#include "core/task_group.h"
#include "core/timer.h"

namespace riacho::core {
namespace {

// Runs a coroutine on a core and waits until it has ended.
void run(Core& core, std::function<Task<void>()> make) {
    std::promise<void> ended;
    spawn(core, [&]() -> Task<void> {
        co_await make();
        ended.set_value();
    });
    ended.get_future().wait();
}

TEST(Gate, lets_nobody_in_once_it_is_closed) {
    Gate gate;
    EXPECT_TRUE(gate.enter());
    gate.close();
    EXPECT_TRUE(gate.is_closed());
    EXPECT_FALSE(gate.enter());
    gate.close_and_wait();
}

TEST(Gate, waits_for_the_last_one_out) {
    Gate gate;
    auto first = gate.enter();
    auto second = gate.enter();
    auto moved = std::move(*first);
    std::atomic<bool> waited{false};
    std::thread stopping([&] {
        gate.close_and_wait();
        waited = true;
    });
    while (!gate.is_closed()) std::this_thread::yield();
    second.reset();
    EXPECT_FALSE(waited);
    {
        const auto last = std::move(moved);
    }
    stopping.join();
    EXPECT_TRUE(waited);
}

TEST(TaskGroup, join_returns_after_the_last_child) {
    Runtime runtime(1);
    runtime.start();
    Core& core = runtime.core(0);
    std::vector<int> order;
    run(core, [&]() -> Task<void> {
        TaskGroup group(core);
        for (int i = 0; i < 3; ++i) {
            group.spawn([&order, &core, i]() -> Task<void> {
                for (int k = 0; k < i; ++k) co_await yield(core);
                order.push_back(i);
            });
        }
        co_await group.join();
        order.push_back(99);
        co_await group.join();
    });
    EXPECT_EQ(order, (std::vector<int>{0, 1, 2, 99}));
}

TEST(TaskGroup, waits_for_children_that_children_spawn) {
    Runtime runtime(1);
    runtime.start();
    Core& core = runtime.core(0);
    int ended = 0;
    run(core, [&]() -> Task<void> {
        TaskGroup group(core);
        group.spawn([&]() -> Task<void> {
            group.spawn([&]() -> Task<void> {
                co_await yield(core);
                ++ended;
            });
            ++ended;
            co_return;
        });
        co_await group.join();
        EXPECT_EQ(ended, 2);
    });
}

TEST(Yield, lets_others_run_first) {
    Runtime runtime(1);
    runtime.start();
    Core& core = runtime.core(0);
    std::vector<std::string> order;
    run(core, [&]() -> Task<void> {
        post(core, [&] { order.push_back("other"); });
        co_await yield(core);
        order.push_back("self");
    });
    EXPECT_EQ(order, (std::vector<std::string>{"other", "self"}));
}

// Longer than any test runs: a sleep that is not woken fails by the suite's timeout.
constexpr std::int64_t for_ever_ms = 3'600'000;

TEST(Alarm, sleeps_until_its_time_is_over) {
    Runtime runtime(1);
    runtime.start();
    run(runtime.core(0), [&]() -> Task<void> {
        Alarm alarm(runtime.core(0));
        EXPECT_TRUE(co_await alarm.sleep(1));
    });
}

TEST(Alarm, is_woken_by_any_thread) {
    Runtime runtime(1);
    runtime.start();
    std::thread other;
    run(runtime.core(0), [&]() -> Task<void> {
        Alarm alarm(runtime.core(0));
        other = std::thread([&] { alarm.wake(); });
        EXPECT_FALSE(co_await alarm.sleep(for_ever_ms));
    });
    other.join();
}

TEST(Alarm, a_wake_up_before_the_sleep_is_not_lost_and_several_are_one) {
    Runtime runtime(1);
    runtime.start();
    run(runtime.core(0), [&]() -> Task<void> {
        Alarm alarm(runtime.core(0));
        alarm.wake();
        alarm.wake();
        EXPECT_FALSE(co_await alarm.sleep(for_ever_ms));
        EXPECT_TRUE(co_await alarm.sleep(1));
    });
}

TEST(Alarm, no_wake_up_is_lost_between_threads) {
    Runtime runtime(1);
    runtime.start();
    constexpr int rounds = 2'000;
    std::atomic<int> asked{0};
    std::atomic<int> done{0};
    std::thread other;
    run(runtime.core(0), [&]() -> Task<void> {
        Alarm alarm(runtime.core(0));
        other = std::thread([&] {
            for (int i = 0; i < rounds; ++i) {
                ++asked;
                alarm.wake();
                while (done <= i) std::this_thread::yield();
            }
        });
        for (int seen = 0; seen < rounds;) {
            co_await alarm.sleep(for_ever_ms);
            seen = asked;
            done = seen;
        }
        other.join();
    });
}

TEST(Backoff, doubles_up_to_its_maximum_and_begins_again_after_a_success) {
    SeededRng rng(1);
    Backoff backoff(100, 1'000);
    for (const std::int64_t bound : {100, 200, 400, 800, 1'000, 1'000}) {
        const std::int64_t wait = backoff.next_ms(rng);
        EXPECT_GE(wait, bound / 2);
        EXPECT_LE(wait, bound);
    }
    backoff.reset();
    EXPECT_LE(backoff.next_ms(rng), 100);
    Backoff least(1, 1);
    for (int i = 0; i < 10; ++i) EXPECT_EQ(least.next_ms(rng), 1);
}

TEST(Backoff, spreads_those_who_failed_together) {
    SeededRng rng(2);
    std::set<std::int64_t> waits;
    for (int i = 0; i < 100; ++i) waits.insert(Backoff(1'000, 1'000).next_ms(rng));
    EXPECT_GT(waits.size(), 50U);
}

}  // namespace
}  // namespace riacho::core
