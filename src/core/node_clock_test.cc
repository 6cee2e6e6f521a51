#include "core/node_clock.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

#include "core/log.h"

namespace riacho::core {
namespace {

constexpr std::int64_t start_ms = 1'700'000'000'000;
constexpr std::int64_t hour_ms = 3'600'000;
constexpr std::int64_t day_ms = 24 * hour_ms;

TimestampMs at(std::int64_t since_start_ms) { return TimestampMs(start_ms + since_start_ms); }

class NodeClockTest : public testing::Test {
protected:
    static void SetUpTestSuite() { configure_log(LogLevel::error, LogFormat::logfmt); }

    // Steps the wall clock alone, as NTP would.
    void step(std::int64_t span_ms) { machine_.set(machine_.now().plus(span_ms)); }
    // Moves both clocks on and reads node time as often as a running node does.
    void pass(std::int64_t span_ms) {
        for (std::int64_t left = span_ms; left > 0; left -= 1'000) {
            machine_.advance_ms(std::min<std::int64_t>(left, 1'000));
            static_cast<void>(clock_.now());
        }
    }

    ManualClock machine_{at(0)};
    NodeClock clock_{machine_};
};

TEST_F(NodeClockTest, follows_the_machine) {
    EXPECT_EQ(clock_.now(), at(0));
    machine_.advance_ms(12'345);
    EXPECT_EQ(clock_.now(), at(12'345));
    EXPECT_EQ(clock_.ago(1'000), at(11'345));
    EXPECT_EQ(clock_.stats().ahead_ms, 0);
}

TEST_F(NodeClockTest, a_wall_clock_set_back_does_not_stop_time_or_turn_it_back) {
    pass(10'000);
    step(-hour_ms);
    EXPECT_EQ(clock_.now(), at(10'000));
    pass(10'000);
    // Nine tenths of the span, except for the moment in which the step was noticed.
    EXPECT_GE(clock_.now(), at(19'000));
    EXPECT_LE(clock_.now(), at(20'000));
    EXPECT_EQ(clock_.stats().jumps_back, 1U);
    EXPECT_GT(clock_.stats().ahead_ms, hour_ms - 2'000);
}

TEST_F(NodeClockTest, the_wall_clock_is_waited_for_at_nine_tenths) {
    step(-60'000);
    pass(9 * 60'000);
    EXPECT_GT(clock_.stats().ahead_ms, 0);
    pass(2 * 60'000);
    EXPECT_EQ(clock_.stats().ahead_ms, 0);
    EXPECT_EQ(clock_.now(), machine_.now());
    machine_.advance_ms(1'000);
    EXPECT_EQ(clock_.now(), machine_.now());
    EXPECT_EQ(clock_.stats().jumps_forward, 0U) << "catching up is no jump";
    EXPECT_TRUE(clock_.record().gaps.empty());
}

TEST_F(NodeClockTest, a_wall_clock_set_forward_is_followed_at_once_and_makes_nothing_older) {
    pass(2 * hour_ms);
    step(30 * day_ms);
    EXPECT_EQ(clock_.now(), at(30 * day_ms + 2 * hour_ms));
    EXPECT_EQ(clock_.ago(hour_ms), at(hour_ms)) << "an hour ago, as the node lived it";
    pass(hour_ms);
    EXPECT_EQ(clock_.ago(2 * hour_ms), at(hour_ms));
    EXPECT_EQ(clock_.ago(hour_ms / 2), at(30 * day_ms + 2 * hour_ms + hour_ms / 2));
    EXPECT_EQ(clock_.stats().jumps_forward, 1U);
    EXPECT_EQ(clock_.stats().gap_ms, 30 * day_ms);
}

TEST_F(NodeClockTest, after_an_excursion_time_goes_on_and_spans_end) {
    step(30 * day_ms);
    const TimestampMs creating_until = clock_.now().plus(20'000);
    step(-30 * day_ms);
    pass(23'000);
    EXPECT_GE(clock_.now(), creating_until);
}

TEST_F(NodeClockTest, short_steps_forward_are_no_gaps) {
    pass(hour_ms);
    step(NodeClock::gap_ms_min - 1);
    EXPECT_EQ(clock_.ago(hour_ms), at(NodeClock::gap_ms_min - 1));
    EXPECT_EQ(clock_.stats().jumps_forward, 1U);
}

TEST_F(NodeClockTest, a_start_goes_on_from_what_was_stored) {
    clock_.resume(at(hour_ms), {});
    EXPECT_EQ(clock_.now(), at(hour_ms));
    EXPECT_EQ(clock_.stats().jumps_back, 1U);
    pass(10'000);
    EXPECT_GE(clock_.now(), at(hour_ms + 8'900));
}

TEST_F(NodeClockTest, the_time_without_a_process_is_a_gap) {
    clock_.resume(at(-30 * day_ms), {at(-20 * day_ms), {}});
    EXPECT_EQ(clock_.now(), at(0));
    EXPECT_EQ(clock_.record().gaps, (std::vector<ClockGap>{{at(-20 * day_ms), at(0)}}));
    EXPECT_EQ(clock_.ago(day_ms), at(-21 * day_ms));
}

TEST_F(NodeClockTest, a_new_store_has_no_gap) {
    clock_.resume(TimestampMs(0), {});
    EXPECT_EQ(clock_.ago(day_ms), at(-day_ms));
}

TEST_F(NodeClockTest, gaps_outlive_the_process) {
    pass(hour_ms);
    step(30 * day_ms);
    pass(hour_ms);
    const ClockRecord kept = clock_.record();
    const TimestampMs stored = clock_.now();
    step(-30 * day_ms);
    NodeClock again(machine_);
    again.resume(stored, kept);
    EXPECT_EQ(again.now(), stored);
    EXPECT_EQ(again.ago(2 * hour_ms), at(0));
}

TEST_F(NodeClockTest, an_excursion_that_left_nothing_stored_is_over_with_the_process) {
    pass(hour_ms);
    const TimestampMs stored = clock_.now();
    step(30 * day_ms);
    const ClockRecord kept = clock_.record();
    EXPECT_EQ(kept.gaps.size(), 1U);
    step(-30 * day_ms);
    pass(1'000);
    NodeClock again(machine_);
    again.resume(stored, kept);
    EXPECT_EQ(again.now(), machine_.now());
    EXPECT_EQ(again.record().gaps, (std::vector<ClockGap>{{stored, machine_.now()}}));
}

TEST_F(NodeClockTest, an_operator_can_accept_the_gaps) {
    clock_.resume(at(-30 * day_ms), {});
    EXPECT_EQ(clock_.accept_gaps(), 30 * day_ms);
    EXPECT_EQ(clock_.ago(day_ms), at(-day_ms));
    EXPECT_EQ(clock_.stats().gap_ms, 0);
}

TEST_F(NodeClockTest, gaps_that_were_lived_through_are_forgotten) {
    clock_.resume(at(-30 * day_ms), {});
    pass(23 * hour_ms);
    clock_.forget_gaps_beyond(day_ms);
    EXPECT_EQ(clock_.stats().gap_ms, 30 * day_ms);
    pass(hour_ms);
    clock_.forget_gaps_beyond(day_ms);
    EXPECT_EQ(clock_.stats().gap_ms, 0);
    EXPECT_EQ(clock_.ago(day_ms), at(0));
}

TEST_F(NodeClockTest, the_list_of_gaps_is_bounded_and_errs_on_the_long_side) {
    for (int i = 0; i < 100; ++i) {
        pass(10'000);
        step(NodeClock::gap_ms_min);
        static_cast<void>(clock_.now());
    }
    EXPECT_LE(clock_.record().gaps.size(), 16U);
    EXPECT_EQ(clock_.ago(10'000), at(99 * (10'000 + NodeClock::gap_ms_min)));
    EXPECT_LE(clock_.ago(1'000'000), at(0)) << "100 times 10 s were lived through";
}

// Threads that read node time while the wall clock is set back and forth never see it go back, neither alone nor
// between threads.
TEST(NodeClock, never_goes_back_between_threads) {
    TestClock machine(1'000);
    const NodeClock clock(machine);
    std::atomic<std::int64_t> newest{0};
    std::atomic<bool> is_done{false};
    std::atomic<int> faults{0};
    std::atomic<int> asked{0};
    std::vector<std::thread> threads;
    for (int i = 0; i < 3; ++i) {
        threads.emplace_back([&] {
            while (!is_done) {
                const std::int64_t before = newest.load();
                const std::int64_t seen = clock.now().value();
                if (seen < before) ++faults;
                ++asked;
                for (std::int64_t last = newest.load(); last < seen && !newest.compare_exchange_weak(last, seen);) {
                }
            }
        });
    }
    for (int i = 0; i < 2'000; ++i) {
        machine.step_ms(i % 2 == 0 ? -1'500 - i : 1'600 + i);
        const int wanted = asked + 10;
        while (asked < wanted) std::this_thread::yield();
    }
    is_done = true;
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(faults, 0);
}

}  // namespace
}  // namespace riacho::core
