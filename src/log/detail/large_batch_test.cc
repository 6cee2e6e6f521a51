// Large batches: written once, to the segments of their shards, with references in the journal.
#include <cerrno>

#include "log/detail/test_large_batch.h"

namespace riacho::log::detail {
namespace {

// The caller's objects of appends that wait in the queue together.
struct Queued {
    void submit(TestNode& node, std::uint64_t shard, std::size_t size) { submit(node, {{shard, size}}); }
    // One request for several shards.
    void submit(TestNode& node, const std::vector<std::pair<std::uint64_t, std::size_t>>& sizes) {
        auto& one = items.emplace_back(std::make_unique<One>());
        for (const auto& [shard, size] : sizes) {
            one->batches.push_back({.shard = ShardUid(shard), .batch = make_batch({std::string(size, 'x')})});
        }
        one->request.batches = one->batches;
        one->request.wakeup = &one->wakeup;
        node.sequencer.submit(one->request);
    }
    [[nodiscard]] const Expected<Appended, LogError>& result(std::size_t i) const {
        EXPECT_EQ(items[i]->wakeup.count, 1);
        return items[i]->batches.front().result;
    }
    struct One {
        std::vector<ShardBatch> batches;
        AppendRequest request;
        NoWakeup wakeup;
    };
    std::vector<std::unique_ptr<One>> items;
};

void finish(TestNode& node) {
    while (node.sequencer.step()) {
    }
}

// The first request is not worth a direct write, because of its second shard; the one behind it is, and has to wait.
TEST_F(LargeBatch, a_request_behind_one_that_goes_to_the_journal_gets_the_numbers_after_it) {
    const auto node = open();
    ASSERT_TRUE(node->command("create 1"));
    ASSERT_TRUE(node->command("create 2"));
    Queued queued;
    queued.submit(*node, {{1, large}, {2, 100}});
    queued.submit(*node, 1, large);
    queued.submit(*node, {{1, large}, {2, 100}});
    queued.submit(*node, 1, large);
    finish(*node);
    for (std::size_t i = 0; i < queued.items.size(); ++i) {
        ASSERT_TRUE(queued.result(i));
        EXPECT_EQ(queued.result(i)->first.value(), i + 1);
    }
    EXPECT_EQ(node->read_all(1).size(), 4U);
    EXPECT_EQ(node->read_all(2).size(), 2U);
}

TEST_F(LargeBatch, requests_that_are_not_worth_a_direct_write_are_one_group) {
    const auto node = open();
    ASSERT_TRUE(node->command("create 1"));
    finish(*node);
    const std::uint64_t before = node->store.counters.groups;
    Queued queued;
    for (int i = 0; i < 5; ++i) queued.submit(*node, 1, 100);
    finish(*node);
    for (std::size_t i = 0; i < queued.items.size(); ++i) {
        ASSERT_TRUE(queued.result(i));
        EXPECT_EQ(queued.result(i)->first.value(), i + 1);
    }
    EXPECT_EQ(node->store.counters.groups, before + 1);
}

TEST_F(LargeBatch, is_written_once_and_read_back_before_and_after_restarts) {
    {
        const auto node = open();
        ASSERT_TRUE(node->command("create 1"));
        const std::uint64_t before = node->store.counters.journal_bytes;
        for (int i = 0; i < 4; ++i) put(*node, 1, large);
        EXPECT_EQ(node->store.counters.journal_bytes - before, 4 * block_size) << "only references are in the journal";
        EXPECT_EQ(segments(1).size(), 1U);
        EXPECT_EQ(fs_.content(segments(1).front())->size(), file_header_size + 4 * 2 * block_size);
        expect_all(*node, "from memory");
    }
    fs_.crash({});
    expect_clean(fs_);
    {
        const auto node = open();
        expect_all(*node, "after a crash without a checkpoint");
        for (int i = 0; i < 3; ++i) put(*node, 1, large);
        ASSERT_TRUE(node->checkpoint());
        node->empty_cache();
        expect_all(*node, "from segments");
        put(*node, 1, large);
    }
    fs_.crash({});
    expect_clean(fs_);
    {
        const auto node = open();
        expect_all(*node, "after a crash behind a checkpoint");
        node->shut_down();
    }
    expect_clean(fs_);
    const auto node = open();
    EXPECT_EQ(node->store.counters.recovery_replayed_bytes, 0U);
    expect_all(*node, "after a clean end");
}

TEST_F(LargeBatch, and_small_ones_of_a_shard_keep_their_order) {
    {
        const auto node = open();
        ASSERT_TRUE(node->command("create 1 2"));
        int i = 0;
        for (const std::size_t size : {10U, 7000U, 3000U, 20U, 5000U, 5000U, 30U, 2600U, 9000U, 40U, 50U, 7000U}) {
            put(*node, 1, size);
            put(*node, 2, 12'000 - size);
            if (++i % 5 == 0) ASSERT_TRUE(node->checkpoint());
        }
        expect_all(*node, "from memory");
    }
    fs_.crash({});
    expect_clean(fs_);
    const auto node = open();
    expect_all(*node, "after a crash");
    ASSERT_TRUE(node->checkpoint());
    node->empty_cache();
    expect_all(*node, "from segments");
    for (std::size_t from = 1; from <= 12; ++from) {
        EXPECT_EQ(node->read_all(1, SeqIx(from), {.records_max = 1}).size(), 13 - from);
    }
}

TEST_F(LargeBatch, requests_that_wait_together_are_numbered_in_their_order) {
    const auto node = open();
    ASSERT_TRUE(node->command("create 1 2"));
    Queued queued;
    for (const std::size_t size : {100U, 7000U, 100U, 7000U, 300U, 3000U}) queued.submit(*node, 1, size);
    queued.submit(*node, 2, 50);
    finish(*node);
    for (std::size_t i = 0; i < 6; ++i) {
        ASSERT_TRUE(queued.result(i));
        EXPECT_EQ(queued.result(i)->first, SeqIx(i + 1)) << i;
    }
    EXPECT_EQ(queued.result(6)->first, SeqIx(1));
    EXPECT_EQ(node->read_all(1).size(), 6U);
}

// Two jobs of the lane, and a command that comes when the second one, of shard 1, is written and has no place yet.
struct BesideTheLane {
    BesideTheLane(TestNode& node, std::string text) {
        EXPECT_TRUE(node.command("create 1 50"));
        std::vector<std::pair<std::uint64_t, std::size_t>> first;
        for (std::uint64_t shard = 2; shard < 2 + job_shards_max; ++shard) {
            EXPECT_TRUE(node.command(fmt::format("create {}", shard)));
            first.emplace_back(shard, large);
        }
        queued.submit(node, first);
        queued.submit(node, 1, large);
        EXPECT_TRUE(node.sequencer.step());
        // The lane gets no job in front of a command that would wait for it: another request is before it.
        queued.submit(node, 50, 10);
        command.command = std::move(text);
        command.wakeup = &wakeup;
        node.sequencer.submit(command);
        EXPECT_TRUE(node.sequencer.step());
        EXPECT_EQ(queued.items[0]->wakeup.count, 1);
        EXPECT_EQ(queued.items[1]->wakeup.count, 0) << "the lane is not busy with the second job";
    }
    Queued queued;
    CommandRequest command;
    NoWakeup wakeup;
};

TEST_F(LargeBatch, a_command_that_ends_no_shard_does_not_wait_for_what_the_lane_writes) {
    {
        const auto node = open();
        BesideTheLane beside(*node, "trim 1=1");
        EXPECT_EQ(beside.wakeup.count, 1);
        ASSERT_TRUE(beside.command.result);
        EXPECT_TRUE(beside.command.result->accepted);
        EXPECT_EQ(applier_.sequenced.back().next, std::vector<std::uint64_t>{1}) << "its place is before the records";
        ASSERT_TRUE(node->command("create 99"));
        ASSERT_TRUE(beside.queued.result(1));
        EXPECT_EQ(beside.queued.result(1)->first, SeqIx(1));
        EXPECT_EQ(node->read_all(1).size(), 1U);
    }
    fs_.crash({});
    expect_clean(fs_);
    TestApplier again;
    TestNode node(fs_, clock_, again, options());
    ASSERT_TRUE(node.is_open());
    EXPECT_EQ(node.read_all(1).size(), 1U);
    EXPECT_EQ(again.replayed, applier_.sequenced);
}

TEST_F(LargeBatch, a_command_that_ends_shards_waits_for_what_the_lane_writes) {
    const auto node = open();
    BesideTheLane beside(*node, "close 1");
    EXPECT_EQ(beside.wakeup.count, 0);
    finish(*node);
    ASSERT_TRUE(beside.queued.result(1));
    EXPECT_EQ(beside.queued.result(1)->first, SeqIx(1));
    ASSERT_TRUE(beside.command.result);
    EXPECT_EQ(applier_.sequenced.back().next, std::vector<std::uint64_t>{2});
    EXPECT_EQ(node->append(1, {std::string(large, 'x')}).error(), LogError::sealed);
    EXPECT_EQ(node->append(99, {std::string(large, 'x')}).error(), LogError::unknown_shard);
    ASSERT_TRUE(node->checkpoint());
    EXPECT_EQ(node->store.shards.find(ShardUid(1))->flushed.active_base, SeqIx(0)) << "its segment is sealed";
    node->empty_cache();
    EXPECT_EQ(node->read_all(1).size(), 1U);
}

TEST_F(LargeBatch, a_shard_goes_back_to_its_segment_only_after_many_bytes) {
    Options limited = options();
    limited.large_bytes_again = 20'000;
    const auto node = open(limited);
    ASSERT_TRUE(node->command("create 1"));
    put(*node, 1, large);
    EXPECT_EQ(direct_base(*node, 1), 1U);
    put(*node, 1, 10);
    EXPECT_EQ(direct_base(*node, 1), 0U);
    for (int i = 0; i < 3; ++i) {
        put(*node, 1, large);
        EXPECT_EQ(direct_base(*node, 1), 0U) << i;
    }
    put(*node, 1, large);
    EXPECT_EQ(direct_base(*node, 1), 6U);
    ASSERT_TRUE(node->checkpoint());
    EXPECT_EQ(segments(1).size(), 2U) << "what was journaled goes behind what was not";
    node->empty_cache();
    expect_all(*node, "from segments");
}

TEST_F(LargeBatch, segments_roll_by_size_and_age) {
    const auto node = open();
    ASSERT_TRUE(node->command("create 1"));
    for (int i = 0; i < 9; ++i) put(*node, 1, large);
    EXPECT_EQ(segments(1).size(), 2U);
    clock_.advance_ms(options().segment_age_ms_max + 1);
    put(*node, 1, large);
    EXPECT_EQ(segments(1).size(), 3U);
    // The flusher seals a segment that grew old without a write, but only where it ends.
    ASSERT_TRUE(node->checkpoint());
    clock_.advance_ms(options().segment_age_ms_max / 2);
    put(*node, 1, large);
    const ShardPtr shard = node->store.shards.find(ShardUid(1));
    clock_.advance_ms(options().segment_age_ms_max);
    node->flusher.tick();
    EXPECT_NE(shard->flushed.active_base, SeqIx(0)) << "the flusher has not seen the last record";
    ASSERT_TRUE(node->checkpoint());
    clock_.advance_ms(2000);
    node->flusher.tick();
    EXPECT_EQ(shard->flushed.active_base, SeqIx(0));
    EXPECT_EQ(direct_base(*node, 1), 0U);
    put(*node, 1, large);
    ASSERT_TRUE(node->checkpoint());
    node->empty_cache();
    expect_all(*node, "from segments");
    node->shut_down();
    expect_clean(fs_);
}

// A small record ends the direct writes to the segment while the flusher does not know its last frame yet.
TEST_F(LargeBatch, a_segment_is_not_sealed_in_front_of_frames_that_the_flusher_has_not_seen) {
    {
        const auto node = open();
        ASSERT_TRUE(node->command("create 1"));
        put(*node, 1, large);
        ASSERT_TRUE(node->checkpoint());
        clock_.advance_ms(options().segment_age_ms_max / 2);
        put(*node, 1, large);
        put(*node, 1, 20);
        ASSERT_EQ(direct_base(*node, 1), 0U);
        clock_.advance_ms(options().segment_age_ms_max);
        node->flusher.tick();
        EXPECT_NE(node->store.shards.find(ShardUid(1))->flushed.active_base, SeqIx(0));
    }
    fs_.crash({.kind = io::CrashPolicy::Kind::keep_all});
    const auto node = open();
    expect_all(*node, "after a crash");
}

TEST_F(LargeBatch, a_full_disk_sends_it_to_the_journal) {
    const auto node = open();
    ASSERT_TRUE(node->command("create 1 2"));
    put(*node, 1, large);
    node->make_spares();
    fs_.set_bytes_free(3000);
    const std::uint64_t before = node->store.counters.journal_bytes;
    put(*node, 1, large);
    put(*node, 2, large);
    EXPECT_GE(node->store.counters.journal_bytes - before, 2 * large);
    EXPECT_TRUE(segments(2).empty()) << "the file that could not be written is gone";
    EXPECT_EQ(node->store.state(), StoreState::ok) << "the journal has room";
    expect_all(*node, "on a full disk");
    fs_.set_bytes_free(1ULL << 40);
    ASSERT_TRUE(node->checkpoint());
    clock_.advance_ms(direct_pause_ms + 1);
    const std::uint64_t after = node->store.counters.journal_bytes;
    put(*node, 1, large);
    EXPECT_EQ(node->store.counters.journal_bytes - after, block_size);
    ASSERT_TRUE(node->checkpoint());
    node->empty_cache();
    expect_all(*node, "when there is room again");
}

TEST_F(LargeBatch, a_file_that_could_be_neither_written_nor_deleted_holds_its_shard_up) {
    {
        const auto node = open();
        ASSERT_TRUE(node->command("create 1 2"));
        node->make_spares();
        fs_.fail_call("pwritev", 1, ENOSPC);
        fs_.fail_call("unlink", 1, ENOSPC, true);
        EXPECT_EQ(node->append(1, {std::string(large, 'x')}).error(), LogError::overloaded);
        EXPECT_EQ(node->append(1, {"small"}).error(), LogError::overloaded);
        put(*node, 2, 10);
        fs_.clear_failures();
        put(*node, 1, 10);
        EXPECT_TRUE(segments(1).empty());
        EXPECT_FALSE(node->store.is_poisoned());
    }
    fs_.crash({.kind = io::CrashPolicy::Kind::keep_all});
    expect_all(*open(), "after a restart");
}

TEST_F(LargeBatch, a_failed_sync_is_final) {
    for (const std::string call : {"fdatasync", "pwritev"}) {
        for (const bool arrives : {false, true}) {
            const auto disk = fs_.clone();
            TestApplier applier;
            {
                TestNode node(*disk, clock_, applier, options());
                ASSERT_TRUE(node.command("create 1"));
                ASSERT_TRUE(node.append(1, {std::string(large, 'a')}));
                disk->fail_call(call, 1, EIO);
                EXPECT_EQ(node.append(1, {std::string(large, 'b')}).error(), LogError::poisoned);
                EXPECT_EQ(node.append(1, {std::string(large, 'c')}).error(), LogError::poisoned);
                EXPECT_TRUE(node.store.is_poisoned());
            }
            disk->crash({.kind = arrives ? io::CrashPolicy::Kind::keep_all : io::CrashPolicy::Kind::lose_all});
            TestNode node(*disk, clock_, applier, options());
            ASSERT_TRUE(node.is_open());
            EXPECT_EQ(node.read_all(1).size(), 1U) << "without a reference a frame does not count";
            EXPECT_EQ(node.append(1, {std::string(large, 'd')})->first, SeqIx(2));
        }
    }
}

TEST_F(LargeBatch, is_journaled_by_a_durability_that_syncs_later) {
    Options weak = options();
    weak.durability = Durability::os;
    const auto node = open(weak);
    ASSERT_TRUE(node->command("create 1"));
    put(*node, 1, large);
    EXPECT_TRUE(segments(1).empty());
}

TEST_F(LargeBatch, a_long_replay_that_fills_segments_meanwhile_loses_none) {
    Options little = options();
    little.cache_bytes = little.cached_bytes_max = 64 << 20;
    little.checkpoint_bytes = 1ULL << 40;
    little.large_bytes_min = 1 << 20;
    little.segment_bytes = 8 << 20;
    little.journal_file_bytes = 16 << 20;
    {
        const auto node = open(little);
        ASSERT_TRUE(node->command("create 1 2"));
        for (int i = 0; i < 24; ++i) {
            put(*node, 1, i % 5 == 4 ? 100U : 2U << 20);
            put(*node, 2, i % 2 == 0 ? 10U : 1U << 20);
        }
    }
    fs_.crash({});
    little.cache_bytes = 4 << 20;
    for (int start = 0; start < 2; ++start) {
        const auto node = open(little);
        EXPECT_GE(node->store.counters.checkpoints, start == 0 ? 1U : 0U) << "nothing was flushed during the replay";
        expect_all(*node, "after a long replay");
        ASSERT_TRUE(node->checkpoint());
        node->empty_cache();
        expect_all(*node, "from segments");
        node->shut_down();
        expect_clean(fs_);
    }
}

TEST_F(LargeBatch, of_media_is_written_directly_too) {
    {
        const auto node = open();
        ASSERT_TRUE(node->command("create_media 1"));
        ASSERT_TRUE(node->command("create 2"));
        const std::uint64_t before = node->store.counters.journal_bytes;
        for (int i = 0; i < 3; ++i) {
            std::vector<ShardBatch> batches;
            batches.push_back({.shard = ShardUid(1), .batch = make_batch({std::string(large, 'm')})});
            AppendRequest request;
            NoWakeup wakeup;
            request.batches = batches;
            request.shard_class = ShardClass::media;
            request.wakeup = &wakeup;
            node->sequencer.submit(request);
            finish(*node);
            ASSERT_TRUE(batches.front().result);
        }
        EXPECT_EQ(node->store.counters.journal_bytes - before, 3 * block_size);
        EXPECT_EQ(decode_segment_header(*fs_.content(segments(1).front()))->shard_class, ShardClass::media);
        EXPECT_EQ(node->store.counters.queue_media_bytes, 0U);
        EXPECT_GT(node->store.counters.cached_media_bytes, 3 * large);
    }
    fs_.crash({});
    const auto node = open();
    EXPECT_EQ(node->read_all(1).size(), 3U);
}

}  // namespace
}  // namespace riacho::log::detail
