// The bound of the log's memory: appends wait for the flusher, and are refused when it frees none in time.
#include <gtest/gtest.h>

#include <thread>

#include "core/clock.h"
#include "io/simulated.h"
#include "log/detail/test_node.h"

namespace riacho::log::detail {
namespace {

class LogMemory : public ::testing::Test {
protected:
    LogMemory() { EXPECT_TRUE(fs_.mkdir("/")); }
    static Options options() {
        Options options = TestNode::small_options();
        options.cache_bytes = 16'000;
        options.cached_bytes_max = 32'000;
        options.space_wait_ms = 40;
        return options;
    }
    static std::string payload() { return std::string(1'000, 'x'); }

    io::SimulatedFileSystem fs_;
    core::ManualClock clock_{TimestampMs(1'700'000'000'000)};
    TestApplier applier_;
};

TEST_F(LogMemory, records_that_no_checkpoint_covers_are_bounded) {
    TestNode node(fs_, clock_, applier_, options());
    ASSERT_TRUE(node.is_open());
    ASSERT_TRUE(node.command("create 1"));
    int stored = 0;
    auto result = node.append(1, {payload()});
    for (; result && stored < 100; ++stored) result = node.append(1, {payload()});
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error(), LogError::overloaded);
    EXPECT_LE(node.store.counters.cached_bytes, 32'000U);
    EXPECT_GT(stored, 15);
    EXPECT_TRUE(node.command("create 2")) << "commands go on";
    ASSERT_TRUE(node.checkpoint());
    EXPECT_TRUE(node.append(1, {payload()}));
    EXPECT_EQ(node.read_all(1).size(), static_cast<std::size_t>(stored) + 1);
}

TEST_F(LogMemory, an_append_waits_for_the_flusher) {
    Options patient = options();
    patient.space_wait_ms = 600'000;
    TestNode node(fs_, clock_, applier_, patient);
    ASSERT_TRUE(node.command("create 1"));
    while (node.store.has_memory(2'000)) ASSERT_TRUE(node.append(1, {payload()}));
    std::thread flusher([&node] {
        while (!node.store.is_memory_wanted()) std::this_thread::yield();
        node.checkpoint();
    });
    EXPECT_TRUE(node.append(1, {std::string(2'000, 'y')}));
    flusher.join();
}

TEST_F(LogMemory, a_batch_beyond_the_whole_bound_is_refused_at_once) {
    TestNode node(fs_, clock_, applier_, options());
    ASSERT_TRUE(node.command("create 1"));
    const auto result = node.append(1, {std::string(31'000, 'x'), std::string(2'000, 'x')});
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error(), LogError::overloaded);
}

}  // namespace
}  // namespace riacho::log::detail
