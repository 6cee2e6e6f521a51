// Large batches: written once, to the segments of their shards, with references in the journal.
#include <cerrno>

#include "log/detail/test_node.h"
#include "log/verify.h"

namespace riacho::log::detail {
namespace {

using io::SimulatedFileSystem;

constexpr std::size_t large = 7000;

class LargeBatch : public testing::Test {
protected:
    LargeBatch() { EXPECT_TRUE(fs_.mkdir("/")); }

    static Options options() {
        Options options = TestNode::small_options();
        options.large_bytes_min = 2500;
        options.large_bytes_again = 0;
        options.segment_bytes = 64 << 10;
        options.space_wait_ms = 2;
        return options;
    }
    std::unique_ptr<TestNode> open(const Options& options) {
        auto node = std::make_unique<TestNode>(fs_, clock_, applier_, options);
        EXPECT_TRUE(node->is_open()) << (node->error ? node->error->message : "");
        return node;
    }
    std::unique_ptr<TestNode> open() { return open(options()); }

    // Appends one record of the size and remembers it.
    void put(TestNode& node, std::uint64_t shard, std::size_t size) {
        auto& records = written_[shard];
        const std::string data = fmt::format("{}/{} ", shard, records.size() + 1) + std::string(size, 'x');
        const auto appended = node.append(shard, {data});
        ASSERT_TRUE(appended) << to_string(appended.error());
        ASSERT_EQ(appended->first.value(), records.size() + 1);
        records.push_back(data);
        clock_.advance_ms(10);
    }
    void expect_all(TestNode& node, const std::string& context) {
        for (const auto& [shard, records] : written_) {
            std::vector<std::string> found;
            for (const TestRecord& record : node.read_all(shard)) found.push_back(record.data);
            EXPECT_TRUE(found == records)
                << context << ": shard " << shard << " has " << found.size() << " records of " << records.size();
        }
    }
    static void expect_clean(SimulatedFileSystem& disk) {
        const VerifyReport report = verify("/store", disk);
        for (const Finding& finding : report.findings) ADD_FAILURE() << finding.path << ": " << finding.message;
    }
    std::vector<std::string> segments(std::uint64_t shard) const {
        const std::string directory = "/store/" + shard_directory(ShardUid(shard)) + "/";
        std::vector<std::string> found;
        for (const std::string& path : fs_.paths()) {
            if (path.starts_with(directory) && path.ends_with(".rks")) found.push_back(path);
        }
        return found;
    }
    static std::uint64_t direct_base(TestNode& node, std::uint64_t shard) {
        const ShardPtr found = node.store.shards.find(ShardUid(shard));
        const MutexLock lock(found->mutex);
        return found->direct_base.value();
    }

    SimulatedFileSystem fs_;
    core::ManualClock clock_{TimestampMs(1'700'000'000'000)};
    TestApplier applier_;
    std::map<std::uint64_t, std::vector<std::string>> written_;
};

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

TEST_F(LargeBatch, a_command_waits_for_what_the_lane_writes) {
    const auto node = open();
    ASSERT_TRUE(node->command("create 1"));
    Queued queued;
    queued.submit(*node, 1, large);
    ASSERT_TRUE(node->sequencer.step());
    CommandRequest command;
    NoWakeup wakeup;
    command.command = "close 1";
    command.wakeup = &wakeup;
    node->sequencer.submit(command);
    finish(*node);
    ASSERT_TRUE(queued.result(0));
    EXPECT_EQ(queued.result(0)->first, SeqIx(1));
    ASSERT_TRUE(command.result);
    EXPECT_EQ(applier_.sequenced.back().next, std::vector<std::uint64_t>{2});
    EXPECT_EQ(node->append(1, {std::string(large, 'x')}).error(), LogError::sealed);
    EXPECT_EQ(node->append(9, {std::string(large, 'x')}).error(), LogError::unknown_shard);
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

TEST_F(LargeBatch, a_damaged_frame_is_reported_and_those_behind_it_can_be_read) {
    {
        const auto node = open();
        ASSERT_TRUE(node->command("create 1 2"));
        put(*node, 1, large);
        ASSERT_TRUE(node->checkpoint());
        for (int i = 0; i < 3; ++i) put(*node, 1, large);
        put(*node, 2, large);
        node->sequencer.write_mark(0);
    }
    const std::string path = segments(1).front();
    const Bytes original = *fs_.content(path);
    // The second frame: its header, its body.
    for (const std::size_t byte : {std::size_t{20}, std::size_t{5000}}) {
        const auto disk = fs_.clone();
        disk->crash({.kind = io::CrashPolicy::Kind::keep_all});
        Bytes content = original;
        content[file_header_size + 2 * block_size + byte] ^= std::byte{1};
        disk->set_content(path, content);
        EXPECT_TRUE(verify("/store", *disk).is_damaged());
        for (const bool again : {false, true}) {
            TestApplier applier = applier_;
            TestNode node(*disk, clock_, applier, options());
            ASSERT_TRUE(node.is_open()) << node.error->message;
            EXPECT_TRUE(node.find(1)->damaged);
            EXPECT_FALSE(node.find(2)->damaged);
            for (const bool cold : {false, true}) {
                if (cold) ASSERT_TRUE(node.checkpoint());
                if (cold) node.empty_cache();
                EXPECT_EQ(node.read_all(1).size(), 1U);
                EXPECT_EQ(node.read(1, SeqIx(2)).error(), LogError::corrupt);
                // Without the frame's header nothing in the file tells where the next one is.
                if ((cold || again) && byte == 20) continue;
                EXPECT_EQ(node.read_all(1, SeqIx(3)).size(), again ? 4U : 2U) << byte << cold << again;
            }
            if (again) continue;
            EXPECT_EQ(node.append(1, {std::string(large, 'y')})->first, SeqIx(5));
            EXPECT_EQ(node.append(1, {"small"})->first, SeqIx(6));
            ASSERT_TRUE(node.checkpoint());
        }
        Bytes kept = *disk->content(path);
        kept.resize(original.size());
        EXPECT_EQ(kept, content) << "damaged or not, what was durable stays";
        disk->crash({});
    }
}

TEST_F(LargeBatch, a_lost_reference_does_not_cost_the_frames_behind_it) {
    std::string path;
    std::uint64_t at = 0;
    {
        const auto node = open();
        ASSERT_TRUE(node->command("create 1"));
        put(*node, 1, large);
        at = node->store.journal.position().value();
        for (int i = 0; i < 3; ++i) put(*node, 1, large);
        path = "/store/journal/" + journal_file_name(node->store.journal.generation());
        at = at - decode_journal_header(*fs_.content(path))->first_lsn.value() + file_header_size;
    }
    // One byte; the whole block, which the next group describes.
    for (const std::size_t size : {std::size_t{1}, block_size}) {
        const auto disk = fs_.clone();
        disk->crash({.kind = io::CrashPolicy::Kind::keep_all});
        Bytes content = *disk->content(path);
        std::fill_n(content.begin() + static_cast<std::ptrdiff_t>(at), size, std::byte{0});
        disk->set_content(path, content);
        EXPECT_TRUE(verify("/store", *disk).is_damaged());
        TestNode node(*disk, clock_, applier_, options());
        ASSERT_TRUE(node.is_open()) << node.error->message;
        EXPECT_EQ(node.read(1, SeqIx(2)).error(), LogError::corrupt) << size;
        EXPECT_EQ(node.read_all(1, SeqIx(3)).size(), 2U) << size;
        ASSERT_TRUE(node.checkpoint());
        node.empty_cache();
        EXPECT_EQ(node.read_all(1, SeqIx(3)).size(), 2U) << size;
        EXPECT_EQ(node.append(1, {std::string(large, 'y')})->first, SeqIx(5));
    }
}

TEST_F(LargeBatch, a_missing_segment_costs_its_records_only) {
    {
        const auto node = open();
        ASSERT_TRUE(node->command("create 1 2"));
        for (int i = 0; i < 9; ++i) put(*node, 1, large);
        put(*node, 2, large);
        ASSERT_EQ(segments(1).size(), 2U);
    }
    fs_.crash({});
    ASSERT_TRUE(fs_.unlink(segments(1).front()));
    EXPECT_TRUE(verify("/store", fs_).is_damaged());
    for (int start = 0; start < 2; ++start) {
        const auto node = open();
        EXPECT_TRUE(node->find(1)->damaged);
        EXPECT_EQ(node->read(1, SeqIx(1)).error(), LogError::corrupt);
        EXPECT_GT(node->read_all(1, SeqIx(8)).size(), 0U);
        EXPECT_EQ(node->read_all(2).size(), 1U);
        ASSERT_TRUE(node->checkpoint());
        node->empty_cache();
        EXPECT_GT(node->read_all(1, SeqIx(9)).size(), 0U);
    }
}

TEST_F(LargeBatch, what_was_deleted_without_a_checkpoint_is_no_damage) {
    {
        const auto node = open();
        ASSERT_TRUE(node->command("create 1 2 3"));
        put(*node, 2, 10);
        ASSERT_TRUE(node->checkpoint());
        for (int i = 0; i < 9; ++i) {
            for (const std::uint64_t shard : {1U, 3U}) put(*node, shard, large);
        }
        ASSERT_TRUE(node->flusher.process());
        put(*node, 2, 1000);
        ASSERT_TRUE(node->command("trim 1=8"));
        ASSERT_TRUE(node->command("drop 3"));
        fs_.fail_call("pwritev", 1, ENOSPC, true);
        EXPECT_FALSE(node->flusher.process());
        EXPECT_EQ(segments(1).size(), 1U);
        EXPECT_TRUE(segments(3).empty());
    }
    fs_.crash({.kind = io::CrashPolicy::Kind::keep_all});
    fs_.clear_failures();
    expect_clean(fs_);
    const auto node = open();
    EXPECT_EQ(node->store.counters.damaged_shards, 0U);
    for (const bool cold : {false, true}) {
        if (cold) ASSERT_TRUE(node->checkpoint());
        if (cold) node->empty_cache();
        EXPECT_EQ(node->read_all(1, SeqIx(1)).size(), 2U);
        EXPECT_FALSE(node->find(3));
    }
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

TEST_F(LargeBatch, files_of_writes_that_do_not_count_are_never_taken_for_segments) {
    std::string garbage;
    Bytes content;
    {
        const auto node = open();
        ASSERT_TRUE(node->command("create 1"));
        put(*node, 1, 10);
        ASSERT_TRUE(node->checkpoint());
        const auto disk = fs_.clone();
        fs_.fail_call("fdatasync", 1, EIO);
        EXPECT_FALSE(node->append(1, {std::string(large, 'g')}));
        ASSERT_EQ(segments(1).size(), 2U);
        garbage = segments(1).back();
        content = *fs_.content(garbage);
    }
    fs_.crash({.kind = io::CrashPolicy::Kind::keep_all});
    for (int start = 0; start < 3; ++start) {
        const auto node = open();
        // The small ones go on in the segment before; the name of the file becomes a number in its middle.
        for (int i = 0; i < 3; ++i) put(*node, 1, 20);
        ASSERT_TRUE(node->checkpoint());
        node->empty_cache();
        expect_all(*node, fmt::format("start {}", start));
        if (start == 1) ASSERT_TRUE(node->command("trim 1=0"));
        put(*node, 1, large);
        put(*node, 1, 30);
        ASSERT_TRUE(node->checkpoint());
        node->shut_down();
        expect_clean(fs_);
    }
    EXPECT_FALSE(fs_.content(garbage));
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
