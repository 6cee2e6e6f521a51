#include "core/work_pool.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>

#include "core/run_on.h"
#include "core/runtime.h"
#include "core/task.h"

namespace riacho::core {
namespace {

// Work that holds its thread until it is let go.
class Blocker {
public:
    std::function<void()> work() {
        return [this] {
            ++running_;
            go_.get_future().wait();
        };
    }
    void wait_until_running() const {
        while (running_ == 0) std::this_thread::yield();
    }
    void let_go() { go_.set_value(); }

private:
    std::promise<void> go_;
    std::atomic<int> running_{0};
};

TEST(WorkPool, runs_what_is_submitted_in_its_order) {
    std::vector<int> seen;
    {
        WorkPool pool({.name = "test", .threads_max = 1, .queue_max = 100});
        for (int i = 0; i < 100; ++i) ASSERT_TRUE(pool.submit([&seen, i] { seen.push_back(i); }));
        EXPECT_LE(pool.stats().threads, 1U);
    }
    ASSERT_EQ(seen.size(), 100U) << "stop() waits for what was submitted";
    for (int i = 0; i < 100; ++i) EXPECT_EQ(seen[static_cast<std::size_t>(i)], i);
}

TEST(WorkPool, starts_no_thread_before_there_is_work) {
    const WorkPool pool({.name = "test", .threads_max = 4, .queue_max = 4});
    EXPECT_EQ(pool.stats().threads, 0U);
}

TEST(WorkPool, refuses_what_does_not_fit_and_what_comes_after_stop) {
    WorkPool pool({.name = "test", .threads_max = 1, .queue_max = 2});
    Blocker blocker;
    std::atomic<int> done{0};
    ASSERT_TRUE(pool.submit(blocker.work()));
    blocker.wait_until_running();
    ASSERT_TRUE(pool.submit([&] { ++done; }));
    ASSERT_TRUE(pool.submit([&] { ++done; }));
    EXPECT_EQ(pool.submit([&] { ++done; }).error(), PoolError::full);
    EXPECT_EQ(pool.stats().queued, 2U);
    EXPECT_EQ(pool.stats().refused, 1U);
    blocker.let_go();
    pool.stop();
    EXPECT_EQ(done, 2);
    EXPECT_EQ(pool.submit([&] { ++done; }).error(), PoolError::stopping);
}

TEST(WorkPool, one_that_blocks_does_not_hold_up_the_others) {
    WorkPool pool({.name = "test", .threads_max = 2, .queue_max = 8});
    Blocker blocker;
    ASSERT_TRUE(pool.submit(blocker.work()));
    std::promise<void> other;
    ASSERT_TRUE(pool.submit([&] { other.set_value(); }));
    other.get_future().wait();
    blocker.let_go();
}

Task<void> use_pool(WorkPool& pool, Core& core, std::promise<std::string>& done) {
    const auto number = co_await run_on(pool, core, [] { return 7; });
    int touched = 0;
    const auto nothing = co_await run_on(pool, core, [&] { touched = 1; });
    pool.stop();
    const auto refused = co_await run_on(pool, core, [&] { touched = 2; });
    const bool right = number && *number == 7 && nothing && touched == 1 && !refused &&
                       refused.error() == PoolError::stopping && core.is_current();
    done.set_value(right ? "right" : "wrong");
}

TEST(RunOn, gives_the_result_back_on_the_core) {
    WorkPool pool({.name = "test", .threads_max = 1, .queue_max = 1});
    Runtime runtime(1);
    runtime.start();
    std::promise<std::string> done;
    spawn(runtime.core(0), [&] { return use_pool(pool, runtime.core(0), done); });
    EXPECT_EQ(done.get_future().get(), "right");
}

}  // namespace
}  // namespace riacho::core
