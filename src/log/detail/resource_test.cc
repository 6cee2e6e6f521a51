// Full disks and exhausted descriptors: work that can go on does, and the next start finds everything.
#include <cerrno>
#include <set>
#include <tuple>

#include "log/detail/test_node.h"
#include "log/verify.h"

namespace riacho::log::detail {
namespace {

using io::SimulatedFileSystem;

class ResourceTest : public testing::Test {
protected:
    ResourceTest() { EXPECT_TRUE(fs_.mkdir("/")); }

    std::unique_ptr<TestNode> open(Options options = TestNode::small_options()) {
        auto node = std::make_unique<TestNode>(fs_, clock_, applier_, std::move(options));
        EXPECT_TRUE(node->is_open()) << (node->error ? node->error->message : "");
        return node;
    }
    void remove_spares() {
        for (const std::string& path : fs_.paths()) {
            if (path.find("/spare-") != std::string::npos) ASSERT_TRUE(fs_.unlink(path));
        }
    }
    std::size_t segment_count(std::uint64_t shard) const {
        const std::string directory = "/store/" + shard_directory(ShardUid(shard)) + "/";
        return static_cast<std::size_t>(std::ranges::count_if(fs_.paths(), [&](const std::string& path) {
            return path.starts_with(directory) && path.ends_with(".rks");
        }));
    }
    static void trim(TestNode& node, std::uint64_t shard, std::uint64_t first) {
        TrimRequest request;
        NoWakeup wakeup;
        request.shard = ShardUid(shard);
        request.first_available = SeqIx(first);
        request.wakeup = &wakeup;
        node.sequencer.submit(request);
        while (node.sequencer.step()) {
        }
        EXPECT_TRUE(request.done);
    }

    SimulatedFileSystem fs_;
    core::ManualClock clock_{TimestampMs(1'700'000'000'000)};
    TestApplier applier_;
};

TEST_F(ResourceTest, a_start_on_a_nearly_full_disk_keeps_a_journal_file) {
    {
        const auto node = open();
        ASSERT_TRUE(node->command("create 1"));
        ASSERT_TRUE(node->append(1, {"a"}));
        ASSERT_TRUE(node->checkpoint());
    }
    remove_spares();
    // Space for a checkpoint, but not for a journal file.
    fs_.set_bytes_free(12 << 10);
    for (int i = 0; i < 3; ++i) {
        const auto node = open();
        ASSERT_TRUE(node->checkpoint());
        node->flusher.tick();
        clock_.advance_ms(2000);
        EXPECT_EQ(node->read_all(1).size(), 1U);
        node->shut_down();
    }
    fs_.set_bytes_free(1ULL << 40);
    const auto node = open();
    EXPECT_EQ(node->append(1, {"b"})->first, SeqIx(2));
}

TEST_F(ResourceTest, a_start_with_little_space_begins_a_small_journal_file) {
    Options options = TestNode::small_options();
    options.first_file_bytes = options.journal_file_bytes = 1 << 20;
    fs_.set_bytes_free(100 << 10);
    const auto node = open(options);
    ASSERT_TRUE(node->command("create 1"));
    // Commands are still accepted, so that space can be freed.
    EXPECT_EQ(node->append(1, {"a"}).error(), LogError::disk_full);
    EXPECT_TRUE(node->command("drop 1"));
}

TEST_F(ResourceTest, retention_frees_space_behind_records_that_do_not_fit) {
    const auto node = open();
    ASSERT_TRUE(node->command("create 1 2"));
    for (int i = 0; i < 10; ++i) ASSERT_TRUE(node->append(1, {std::string(7000, 'x')}));
    ASSERT_TRUE(node->checkpoint());
    const std::size_t before = segment_count(1);
    ASSERT_GT(before, 3U);
    fs_.set_bytes_free(0);
    ASSERT_TRUE(node->append(2, {std::string(5000, 'y')}));
    EXPECT_FALSE(node->flusher.process());
    EXPECT_EQ(node->store.state(), StoreState::disk_full);
    // Its event is queued behind the record that cannot be written.
    trim(*node, 1, 7);
    EXPECT_TRUE(node->checkpoint());
    EXPECT_LT(segment_count(1), before);
    EXPECT_EQ(node->store.state(), StoreState::ok);
    node->empty_cache();
    EXPECT_EQ(node->read_all(1).size(), 4U);
    EXPECT_EQ(node->read_all(2).size(), 1U);
}

TEST_F(ResourceTest, an_open_segment_without_records_is_deleted_when_space_is_low) {
    const auto node = open();
    ASSERT_TRUE(node->command("create 1"));
    for (int i = 0; i < 5; ++i) ASSERT_TRUE(node->append(1, {std::string(7000, 'x')}));
    ASSERT_TRUE(node->checkpoint());
    trim(*node, 1, 6);
    ASSERT_TRUE(node->checkpoint());
    const auto tick = [&] {
        clock_.advance_ms(2000);
        node->flusher.tick();
        ASSERT_TRUE(node->checkpoint());
    };
    tick();
    EXPECT_EQ(segment_count(1), 1U) << "the next records go there";
    fs_.set_bytes_free(1 << 20);
    tick();
    EXPECT_EQ(segment_count(1), 0U);
    fs_.set_bytes_free(1ULL << 40);
    tick();
    EXPECT_EQ(node->append(1, {"next"})->first, SeqIx(6));
    ASSERT_TRUE(node->checkpoint());
    node->empty_cache();
    EXPECT_EQ(node->read_all(1).size(), 1U);
}

TEST_F(ResourceTest, what_was_deleted_without_a_checkpoint_is_no_damage) {
    {
        const auto node = open();
        ASSERT_TRUE(node->command("create 1 2 3"));
        for (int i = 0; i < 10; ++i) {
            for (const std::uint64_t shard : {1U, 3U}) ASSERT_TRUE(node->append(shard, {std::string(7000, 'x')}));
            ASSERT_TRUE(node->flusher.process());
        }
        ASSERT_TRUE(node->checkpoint());
        fs_.set_bytes_free(0);
        // Needs more space than the deletion frees.
        for (int i = 0; i < 20; ++i) ASSERT_TRUE(node->append(2, {std::string(8000, 'y')}));
        fs_.fail_call("pwritev", 1, ENOSPC, true);
        EXPECT_FALSE(node->flusher.process());
        fs_.clear_failures();
        trim(*node, 1, 7);
        ASSERT_TRUE(node->command("drop 3"));
        fs_.fail_call("pwritev", 1, ENOSPC, true);
        EXPECT_FALSE(node->flusher.process());
        EXPECT_FALSE(node->store.is_poisoned());
        EXPECT_LT(segment_count(1), 5U);
        EXPECT_EQ(segment_count(3), 0U);
    }
    fs_.crash({.kind = io::CrashPolicy::Kind::keep_all});
    const VerifyReport report = verify("/store", fs_);
    for (const Finding& finding : report.findings) ADD_FAILURE() << finding.path << ": " << finding.message;
    fs_.set_bytes_free(1ULL << 40);
    const auto node = open();
    for (const bool cold : {false, true}) {
        if (cold) {
            ASSERT_TRUE(node->checkpoint());
            node->empty_cache();
        }
        EXPECT_EQ(node->read_all(1, SeqIx(1)).size(), 4U);
        EXPECT_EQ(node->read_all(2).size(), 20U);
        EXPECT_FALSE(node->find(3));
    }
}

// On a disk of a few journal files, spares would keep the node below the mark at which appends are refused.
TEST_F(ResourceTest, a_second_spare_does_not_take_the_space_that_appends_need) {
    constexpr std::uint64_t mark = (1ULL << 40) / 20;  // the simulated disk has 1 TiB
    Options options = TestNode::small_options();
    const auto node = open(options);
    ASSERT_TRUE(node->command("create 1"));
    node->make_spares();
    ASSERT_EQ(node->store.journal.file_count(), 3U);
    const auto tick = [&] {
        clock_.advance_ms(2000);
        node->flusher.tick();
    };
    fs_.set_bytes_free(mark - 1);
    tick();
    EXPECT_EQ(node->store.journal.file_count(), 2U);
    EXPECT_TRUE(node->store.journal.has_spare()) << "commands and trims need it";
    fs_.set_bytes_free(mark + mark / 4);
    tick();
    EXPECT_EQ(node->store.state(), StoreState::ok);
    node->make_spares();
    EXPECT_EQ(node->store.journal.file_count(), 3U);
    fs_.set_bytes_free(mark - 1);
    tick();
    fs_.set_bytes_free(mark / 5 * 6 + options.journal_file_bytes - 1);
    tick();
    EXPECT_EQ(node->store.state(), StoreState::ok);
    node->make_spares();
    EXPECT_EQ(node->store.journal.file_count(), 2U) << "the second spare would bring the low state back";
    EXPECT_TRUE(node->append(1, {"a"}));
}

TEST_F(ResourceTest, a_full_disk_leaves_room_in_the_journal_for_commands_and_trims) {
    const auto node = open();
    ASSERT_TRUE(node->command("create 1 2"));
    ASSERT_TRUE(node->append(2, {std::string(7000, 'x')}));
    node->make_spares();
    fs_.set_bytes_free(0);
    ASSERT_TRUE(node->append(1, {"a"}));
    EXPECT_FALSE(node->flusher.process());
    std::size_t appended = 0;
    for (; appended < 1000; ++appended) {
        const auto result = node->append(1, {std::string(3000, 'x')});
        if (result) continue;
        EXPECT_EQ(result.error(), LogError::disk_full);
        break;
    }
    EXPECT_GT(appended, 5U);
    EXPECT_LT(appended, 1000U);
    for (int i = 0; i < 2; ++i) EXPECT_TRUE(node->command("reject"));
    EXPECT_TRUE(node->command("create 7")) << "a command finds room where a record does not";
    trim(*node, 1, 2);
    EXPECT_TRUE(node->command("drop 2"));
}

TEST_F(ResourceTest, too_many_open_files_do_not_end_a_journal) {
    // Rolling, recycling and making spares, with a failure at each of their calls.
    for (const std::string call : {"open", "rename", "sync_directory"}) {
        const int error = call == "rename" ? ENOSPC : EMFILE;
        for (std::uint64_t n = 1; n <= 8; ++n) {
            const std::string context = fmt::format("{} {}", call, n);
            Options options = TestNode::small_options();
            options.directory = "/" + call + std::to_string(n);
            applier_ = {};
            std::size_t count = 0;
            {
                const auto node = open(options);
                ASSERT_TRUE(node->command("create 1"));
                for (int round = 0; round < 3; ++round) {
                    fs_.fail_call(call, n, error, true);
                    for (int i = 0; i < 15; ++i) count += node->append(1, {std::string(7000, 'x')}) ? 1 : 0;
                    node->checkpoint();
                    node->make_spares();
                    ASSERT_FALSE(node->store.is_poisoned()) << context << ": " << node->store.failure();
                    fs_.clear_failures();
                    node->make_spares();
                    ASSERT_TRUE(node->checkpoint()) << context;
                    ASSERT_TRUE(node->append(1, {"goes on"})) << context;
                    ++count;
                }
                ASSERT_EQ(node->read_all(1).size(), count) << context;
            }
            const auto node = open(options);
            ASSERT_EQ(node->read_all(1).size(), count) << context;
        }
    }
}

TEST_F(ResourceTest, a_journal_write_waits_for_space_and_is_written_whole) {
    Options options = TestNode::small_options();
    options.space_wait_ms = 20;
    {
        const auto node = open(options);
        ASSERT_TRUE(node->command("create 1"));
        fs_.fail_call("pwritev", 1, ENOSPC);
        EXPECT_TRUE(node->append(1, {"a"}));
        EXPECT_EQ(node->store.state(), StoreState::ok);
        // The failure is final: writes cannot be undone, so the next start decides.
        fs_.fail_call("pwritev", 1, ENOSPC, true);
        EXPECT_EQ(node->append(1, {"b"}).error(), LogError::poisoned);
        EXPECT_TRUE(node->store.is_poisoned());
    }
    fs_.crash({.kind = io::CrashPolicy::Kind::lose_all});
    EXPECT_EQ(open(options)->read_all(1).size(), 1U);
}

TEST_F(ResourceTest, the_stored_bytes_of_a_shard_are_those_of_its_frames_wherever_they_are) {
    auto node = open();
    ASSERT_TRUE(node->command("create 1"));
    std::uint64_t expected = 0;
    const auto put = [&] {
        ASSERT_TRUE(node->append(1, {std::string(7000, 'x')}));
        const ShardPtr shard = node->store.shards.find(ShardUid(1));
        const MutexLock lock(shard->mutex);
        expected += shard->tail.back()->header().size_on_disk();
    };
    const auto stored = [&] { return measure(node->store, *node->store.shards.find(ShardUid(1))).value(); };
    EXPECT_EQ(stored(), 0U);
    for (int i = 0; i < 5; ++i) put();
    EXPECT_EQ(stored(), expected) << "in memory";
    ASSERT_TRUE(node->checkpoint());
    put();
    EXPECT_EQ(stored(), expected) << "in both";
    node = nullptr;
    node = open();
    EXPECT_EQ(stored(), expected) << "after a restart";
    trim(*node, 1, 4);
    ASSERT_TRUE(node->checkpoint());
    EXPECT_EQ(stored(), expected / 2);
}

// Every call of a process fails, once or from then on, on a disk with the given free space; a restart follows.
// The second parameter: batches of 2,500 bytes and more go to their segments directly.
class ResourceSweep : public ResourceTest, public testing::WithParamInterface<std::tuple<int, bool>> {
protected:
    void SetUp() override {
        TestNode node(fs_, clock_, applier_, options());
        ASSERT_TRUE(node.command("create 1 2 3 4"));
        for (int i = 0; i < 4; ++i) {
            for (const std::uint64_t shard : {1U, 2U, 3U}) put(node, shard, 3000);
        }
        ASSERT_TRUE(node.command("close 2"));
        ASSERT_TRUE(node.checkpoint());
        for (int i = 0; i < 3; ++i) put(node, 1, 2000);
        put(node, 4, 100);
    }

    static Options options() {
        Options options = TestNode::small_options();
        options.segment_bytes = 8 << 10;
        options.space_wait_ms = 2;
        options.open_files_max = 4;
        options.retention_slack_ms = 0;
        if (std::get<1>(GetParam())) {
            options.large_bytes_min = 2500;
            options.large_bytes_again = 0;
        }
        return options;
    }

    void put(TestNode& node, std::uint64_t shard, std::size_t size) {
        const std::string data = fmt::format("{}/{} ", shard, ++puts_) + std::string(size, 'x');
        const auto appended = node.append(shard, {data});
        if (appended) written_[shard][appended->first.value()] = data;
        clock_.advance_ms(10);
    }

    bool run(TestNode& node, const std::string& command) {
        const auto result = node.command(command);
        return result && result->accepted;
    }

    // The work of one process, whatever fails.
    void live(SimulatedFileSystem& disk) {
        TestNode node(disk, clock_, applier_, options());
        if (!node.is_open()) {
            EXPECT_EQ(node.error->fault, OpenFault::io) << node.error->message;
            return;
        }
        put(node, 1, 3000);
        put(node, 4, 3000);
        if (run(node, "create 5")) created_ = true;
        if (created_) put(node, 5, 10);
        node.checkpoint();
        if (run(node, "drop 3")) dropped_ = true;
        trim(node, 1, 4);
        for (int i = 0; i < 14; ++i) put(node, 1 + 3 * static_cast<std::uint64_t>(i % 2), 6000);
        node.checkpoint();
        clock_.advance_ms(2'000);
        node.flusher.tick();
        while (node.sequencer.step()) {
        }
        node.empty_cache();
        static_cast<void>(node.read_all(1));
        put(node, 4, 10);
        node.shut_down();
        poisoned_ = node.store.is_poisoned();
    }

    static void trim(TestNode& node, std::uint64_t shard, std::uint64_t first) {
        TrimRequest request;
        NoWakeup wakeup;
        request.shard = ShardUid(shard);
        request.first_available = SeqIx(first);
        request.wakeup = &wakeup;
        node.sequencer.submit(request);
        while (node.sequencer.step()) {
        }
    }

    // Checks every acknowledged record that was not trimmed or dropped.
    void expect_all(TestNode& node, const std::string& context) {
        for (const auto& [shard, records] : written_) {
            const auto state = node.find(shard);
            if (!state) {
                ASSERT_TRUE(shard == 3 || (shard == 5 && !created_)) << context << ": shard " << shard << " is lost";
                continue;
            }
            ASSERT_FALSE(state->damaged) << context;
            ASSERT_LE(state->first_available, SeqIx(shard == 1 ? 4 : 1)) << context;
            std::optional<LogError> error;
            std::map<std::uint64_t, std::string> found;
            for (TestRecord& r : node.read_all(shard, SeqIx(1), {}, &error)) found[r.seq] = std::move(r.data);
            ASSERT_FALSE(error) << context << ": shard " << shard << " " << to_string(*error);
            for (const auto& [seq, data] : records) {
                if (SeqIx(seq) < state->first_available) continue;
                ASSERT_TRUE(found.contains(seq)) << context << ": shard " << shard << " lost " << seq;
                ASSERT_EQ(found[seq], data) << context << ": shard " << shard << " " << seq;
            }
        }
        ASSERT_TRUE(!created_ || node.find(5)) << context;
        ASSERT_TRUE(!dropped_ || !node.find(3)) << context;
    }

    void restart(SimulatedFileSystem& disk, const std::string& context) {
        // With the same little space as before, and with enough.
        for (const bool has_space : {false, true}) {
            if (has_space) disk.set_bytes_free(1ULL << 40);
            TestNode node(disk, clock_, applier_, options());
            ASSERT_TRUE(node.is_open()) << context << ": " << node.error->message;
            for (const bool cold : {false, true}) {
                if (cold && node.checkpoint()) node.empty_cache();
                ASSERT_FALSE(node.store.is_poisoned()) << context << ": " << node.store.failure();
                expect_all(node, context);
                if (HasFatalFailure()) return;
            }
            if (has_space) ASSERT_TRUE(node.append(1, {"after"})) << context;
        }
    }

    // False when the process makes fewer than n calls that can fail in this way.
    bool try_one(std::uint64_t n, int error, bool heals, std::uint64_t bytes_free) {
        const auto disk = fs_.clone();
        disk->crash({.kind = io::CrashPolicy::Kind::keep_all});
        const TestApplier applier = applier_;
        const auto written = written_;
        created_ = dropped_ = poisoned_ = false;
        disk->set_bytes_free(bytes_free);
        disk->fail_call("*", n, error, !heals);
        live(*disk);
        const std::string failed = disk->failed_operation();
        const std::string context = fmt::format("call {} ({}) error {} {} with {} free", n, failed, error,
                                                heals ? "once" : "for good", bytes_free);
        // The outcome of a failed sync is undefined; all other shortages pass.
        const bool is_sync = failed == "fdatasync" || failed == "syncfs" || failed == "sync_directory";
        if (error != EIO && heals && !is_sync) EXPECT_FALSE(poisoned_) << context;
        disk->crash({.kind = n % 2 == 0 ? io::CrashPolicy::Kind::lose_all : io::CrashPolicy::Kind::keep_all});
        restart(*disk, context);
        applier_ = applier;
        written_ = written;
        return !failed.empty();
    }

    std::map<std::uint64_t, std::map<std::uint64_t, std::string>> written_;
    int puts_ = 0;
    bool created_ = false;
    bool dropped_ = false;
    bool poisoned_ = false;
};

TEST_P(ResourceSweep, every_call_fails_and_nothing_acknowledged_is_lost) {
    for (const std::uint64_t bytes_free : {0ULL, 4ULL << 10, 64ULL << 10, 1ULL << 20, 2ULL << 20, 1ULL << 40}) {
        for (const bool heals : {true, false}) {
            std::uint64_t n = 1;
            while (try_one(n, std::get<0>(GetParam()), heals, bytes_free) && !HasFailure()) ++n;
            if (HasFailure()) return;
            EXPECT_GT(n, 10U);
        }
    }
}

INSTANTIATE_TEST_SUITE_P(errors, ResourceSweep, testing::Combine(testing::Values(ENOSPC, EMFILE, EIO), testing::Bool()),
                         [](const auto& info) {
                             const int error = std::get<0>(info.param);
                             const std::string name = error == ENOSPC ? "ENOSPC" : error == EMFILE ? "EMFILE" : "EIO";
                             return name + (std::get<1>(info.param) ? "_large_batches" : "");
                         });

}  // namespace
}  // namespace riacho::log::detail
