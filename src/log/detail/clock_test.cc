// Retention under a wall clock that is temporarily wrong.
#include "core/log.h"
#include "core/node_clock.h"
#include "log/detail/test_node.h"

namespace riacho::log::detail {
namespace {

constexpr std::int64_t day_ms = 24 * 3'600'000;

class ClockTest : public testing::Test {
protected:
    ClockTest() {
        EXPECT_TRUE(fs_.mkdir("/"));
        core::configure_log(core::LogLevel::error, core::LogFormat::logfmt);
    }

    // A node with a shard of a day's retention.
    std::unique_ptr<TestNode> open(core::Clock& clock) {
        Options options = TestNode::small_options();
        options.retention_slack_ms = 1'000;
        auto node = std::make_unique<TestNode>(fs_, clock, applier_, options);
        EXPECT_TRUE(node->is_open()) << (node->error ? node->error->message : "");
        if (!node->find(1)) EXPECT_TRUE(node->command("create 1"));
        node->store.shards.find(ShardUid(1))->retention_ms = day_ms;
        return node;
    }

    // One record an hour, which closes several segments a day.
    void write_hours(TestNode& node, int hours) {
        for (int i = 0; i < hours; ++i) {
            machine_.advance_ms(3'600'000);
            ASSERT_TRUE(node.append(1, {std::string(4'000, 'x')}));
        }
        ASSERT_TRUE(node.checkpoint());
    }

    // Runs the flusher's and sequencer's periodic work once; returns the first remaining record.
    SeqIx retain(TestNode& node) {
        machine_.advance_ms(2'000);
        node.flusher.tick();
        while (node.sequencer.step()) {
        }
        EXPECT_TRUE(node.checkpoint());
        return node.find(1)->first_available;
    }

    io::SimulatedFileSystem fs_;
    core::ManualClock machine_{TimestampMs(1'700'000'000'000)};
    TestApplier applier_;
};

TEST_F(ClockTest, a_start_with_the_clock_far_ahead_deletes_nothing_until_the_records_have_aged) {
    {
        core::NodeClock clock(machine_);
        const auto node = open(clock);
        write_hours(*node, 20);
        EXPECT_EQ(retain(*node), SeqIx(1));
        node->shut_down();
    }
    machine_.advance_ms(30 * day_ms);
    core::NodeClock clock(machine_);
    const auto node = open(clock);
    clock.resume(node->store.recovered_time, {});
    EXPECT_EQ(retain(*node), SeqIx(1));
    write_hours(*node, 3);
    EXPECT_EQ(retain(*node), SeqIx(1)) << "no record was kept for its day yet";
    write_hours(*node, 20);
    EXPECT_GT(retain(*node), SeqIx(1));
    EXPECT_LT(retain(*node), SeqIx(21)) << "the newest records of before are 23 hours old";
    clock.accept_gaps();
    EXPECT_GE(retain(*node), SeqIx(17));
}

TEST_F(ClockTest, a_leap_under_way_deletes_nothing) {
    core::NodeClock clock(machine_);
    const auto node = open(clock);
    clock.resume(node->store.recovered_time, {});
    write_hours(*node, 20);
    machine_.set(machine_.now().plus(30 * day_ms));
    EXPECT_EQ(retain(*node), SeqIx(1));
    machine_.set(machine_.now().plus(-30 * day_ms));
    EXPECT_EQ(retain(*node), SeqIx(1));
}

TEST_F(ClockTest, the_newest_stored_time_is_recovered) {
    core::NodeClock clock(machine_);
    TimestampMs last;
    for (const bool is_clean : {false, true}) {
        auto node = open(clock);
        machine_.advance_ms(5'000);
        last = node->append(1, {"a"})->arrival;
        if (is_clean) node->shut_down();
        node.reset();
        if (!is_clean) fs_.crash({});
        EXPECT_EQ(open(clock)->store.recovered_time, last);
    }
    {
        const auto node = open(clock);
        machine_.advance_ms(5'000);
        last = clock.now();
        ASSERT_TRUE(node->command("create 2"));
    }
    fs_.crash({});
    EXPECT_EQ(open(clock)->store.recovered_time, last);
}

}  // namespace
}  // namespace riacho::log::detail
