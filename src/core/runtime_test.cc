#include "core/runtime.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <future>
#include <thread>
#include <vector>

#include "core/task.h"

namespace riacho::core {
namespace {

TEST(Runtime, a_coroutine_goes_on_on_its_own_core_after_a_wakeup_from_another_thread) {
    Runtime runtime(2);
    runtime.start();
    std::promise<bool> done;
    std::thread other;
    spawn(runtime.core(1), [&]() -> Task<void> {
        co_await suspend([&](Wakeup& wakeup) { other = std::thread([&] { runtime.core(1).wake(wakeup); }); });
        done.set_value(runtime.core(1).is_current());
    });
    EXPECT_TRUE(done.get_future().get());
    other.join();
}

TEST(Runtime, wakeups_run_in_the_order_they_were_given) {
    struct Note final : Wakeup {
        int number = 0;
        std::vector<int>* seen = nullptr;
        std::promise<void>* last = nullptr;
        void run() noexcept override {
            seen->push_back(number);
            if (last != nullptr) last->set_value();
        }
    };
    Runtime runtime(1);
    std::vector<int> seen;
    std::promise<void> all;
    std::array<Note, 6> notes;
    for (int i = 0; i < 6; ++i) {
        notes[static_cast<std::size_t>(i)].number = i;
        notes[static_cast<std::size_t>(i)].seen = &seen;
    }
    notes[5].last = &all;
    runtime.core(0).wake(notes[0]);
    for (std::size_t i = 1; i < 5; ++i) notes[i].next = &notes[i + 1];
    runtime.core(0).wake_all(&notes[1]);
    runtime.start();
    all.get_future().get();
    EXPECT_EQ(seen, (std::vector<int>{0, 1, 2, 3, 4, 5}));
}

// Wakeups come from several threads, also between two turns of the loop.
TEST(Runtime, wakeups_that_come_while_others_wait_do_not_lengthen_a_turn) {
    struct Note final : Wakeup {
        Core* core = nullptr;
        Wakeup* more = nullptr;
        std::size_t* seen = nullptr;
        void run() noexcept override {
            ++*seen;
            if (more != nullptr) core->wake(*more);
        }
    };
    Runtime runtime(1);
    Core& core = runtime.core(0);
    std::size_t seen = 0;
    constexpr std::size_t half = 500;
    std::vector<Note> notes(2 * half);
    for (std::size_t i = 0; i < half; ++i) {
        notes[i].core = &core;
        notes[i].more = &notes[half + i];
        notes[i].seen = notes[half + i].seen = &seen;
        if (i + 1 < half) notes[i].next = &notes[i + 1];
    }
    std::promise<void> all;
    std::size_t longest = 0;
    std::function<void(std::size_t)> look = [&](std::size_t before) {
        longest = std::max(longest, seen - before);
        if (seen == notes.size()) return all.set_value();
        post(core, [&look, now = seen] { look(now); });
    };
    post(core, [&look] { look(0); });
    core.wake_all(&notes.front());
    runtime.start();
    all.get_future().get();
    EXPECT_LE(longest, 32U);
}

// A group commit wakes as many coroutines as there are connections; a request that arrives meanwhile must not wait for
// all of them.
TEST(Runtime, other_work_runs_between_the_wakeups_of_a_long_chain) {
    struct Note final : Wakeup {
        int number = 0;
        std::vector<int>* seen = nullptr;
        std::promise<void>* last = nullptr;
        void run() noexcept override {
            seen->push_back(number);
            if (last != nullptr) last->set_value();
        }
    };
    Runtime runtime(1);
    std::vector<int> seen;
    std::promise<void> all;
    std::vector<Note> notes(1000);
    for (std::size_t i = 0; i < notes.size(); ++i) {
        notes[i].number = static_cast<int>(i);
        notes[i].seen = &seen;
        if (i + 1 < notes.size()) notes[i].next = &notes[i + 1];
    }
    notes.back().last = &all;
    runtime.core(0).wake_all(&notes.front());
    std::size_t seen_by_other_work = 0;
    post(runtime.core(0), [&] { seen_by_other_work = seen.size(); });
    runtime.start();
    all.get_future().get();
    runtime.stop();
    EXPECT_LT(seen_by_other_work, notes.size() / 2);
    EXPECT_TRUE(std::ranges::is_sorted(seen));
    EXPECT_EQ(seen.size(), notes.size());
}

}  // namespace
}  // namespace riacho::core
