// The log with its threads, on the machine's disk.
#include "log/local_log.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <future>
#include <map>
#include <thread>

#include "core/clock.h"
#include "core/rng.h"
#include "core/runtime.h"
#include "core/task.h"
#include "io/file_system.h"
#include "io/simulated.h"
#include "log/detail/test_node.h"

namespace riacho::log {
namespace {

using detail::make_batch;
using detail::TestApplier;

class LogTest : public testing::Test {
protected:
    void SetUp() override {
        std::string name = testing::TempDir() + "riacho-log-XXXXXX";
        ASSERT_NE(mkdtemp(name.data()), nullptr);
        directory_ = name;
        runtime_.start();
    }
    void TearDown() override {
        runtime_.stop();
        std::filesystem::remove_all(directory_);
    }

    std::unique_ptr<LocalLog> open(Options options = {}) {
        lock_.reset();
        auto directory = Directory::open(directory_ + "/log", {}, io::posix_file_system());
        EXPECT_TRUE(directory) << (directory ? "" : directory.error().message);
        if (!directory) return nullptr;
        lock_ = *std::move(directory);
        auto log = LocalLog::open(std::move(options), *lock_, clock_, rng_, applier_);
        EXPECT_TRUE(log) << (log ? "" : log.error().message);
        return log ? *std::move(log) : nullptr;
    }

    // Runs a coroutine on a core and waits for it.
    template <class Make>
    void run(std::size_t core, Make make) {
        std::promise<void> done;
        core::spawn(runtime_.core(core), [&]() -> Task<void> {
            co_await make(runtime_.core(core));
            done.set_value();
        });
        done.get_future().get();
    }

    std::string directory_;
    std::unique_ptr<Directory> lock_;
    core::SystemClock clock_;
    core::SystemRng rng_;
    TestApplier applier_;
    core::Runtime runtime_{2};
};

TEST_F(LogTest, an_append_is_visible_when_it_returns_and_there_after_a_restart) {
    {
        const auto log = open();
        ASSERT_TRUE(log->submit_and_wait("create 7")->accepted);
        run(0, [&](core::Core& core) -> Task<void> {
            const auto appended = co_await log->append(core, ShardUid(7), make_batch({"hello", "world"}));
            EXPECT_TRUE(appended);
            EXPECT_EQ(log->last_known(ShardUid(7))->next, SeqIx(3));
        });
    }
    const auto log = open();
    run(1, [&](core::Core& core) -> Task<void> {
        const auto result = co_await log->read(core, ShardUid(7), SeqIx(1), {}, TimestampMs(0));
        EXPECT_TRUE(result);
        EXPECT_EQ(result->record_count, 2U);
        EXPECT_EQ(result->slices[0].records().begin()->data, "hello");
        EXPECT_TRUE(result->at_tip);
        EXPECT_TRUE(core.is_current());
        const auto found = co_await log->find_by_time(core, ShardUid(7), TimestampMs(0));
        EXPECT_EQ(found.value(), SeqIx(1));
    });
    EXPECT_GT(log->stats().reads_from_disk, 0U);
}

TEST_F(LogTest, many_writers_share_groups_and_each_shard_is_dense) {
    Options options;
    options.checkpoint_interval_ms = 50;
    const auto log = open(options);
    ASSERT_TRUE(log->submit_and_wait("create 1 2 3")->accepted);
    constexpr int writers = 32;
    constexpr int appends = 50;
    std::atomic<int> running{writers};
    std::promise<void> done;
    for (int w = 0; w < writers; ++w) {
        core::Core& core = runtime_.core(static_cast<std::size_t>(w % 2));
        core::spawn(core, [&, w]() -> Task<void> {
            for (int i = 0; i < appends; ++i) {
                const ShardUid shard(static_cast<std::uint64_t>(1 + (w + i) % 3));
                const auto result = co_await log->append(core, shard, make_batch({std::string(1000, 'x')}));
                EXPECT_TRUE(result);
            }
            if (--running == 0) done.set_value();
        });
    }
    done.get_future().get();
    std::uint64_t total = 0;
    for (const std::uint64_t shard : {1U, 2U, 3U}) total += log->last_known(ShardUid(shard))->next.value() - 1;
    EXPECT_EQ(total, static_cast<std::uint64_t>(writers * appends));
    const Stats stats = log->stats();
    EXPECT_EQ(stats.records, total);
    EXPECT_LT(stats.groups, total);
    EXPECT_EQ(stats.state, StoreState::ok);
    EXPECT_EQ(stats.queue_frames, 0U);
    log->close();
    EXPECT_EQ(log->stats().segment_bytes > 0, true);
    EXPECT_EQ(log->stats().dirty_bytes, 0U);
}

// Each start takes a journal file. A process that is killed before its first checkpoint leaves it retained.
TEST_F(LogTest, records_and_commands_are_accepted_after_many_kills_before_a_checkpoint) {
    Options options;
    options.journal_file_bytes = 64 << 10;
    options.first_file_bytes = 32 << 10;
    options.checkpoint_interval_ms = 3'600'000;
    options.checkpoint_bytes = 64 << 20;
    auto disk = std::make_unique<io::SimulatedFileSystem>();
    ASSERT_TRUE(disk->mkdir("/"));
    const std::size_t kills = options.journal_files_max * 3;
    for (std::size_t kill = 0; kill < kills; ++kill) {
        const auto directory = *Directory::open("/log", {}, *disk);
        const auto log = *LocalLog::open(options, *directory, clock_, rng_, applier_);
        ASSERT_TRUE(log->submit_and_wait(fmt::format("create {}", kill + 1)));
        auto left = disk->clone();
        log->close();
        disk = std::move(left);
    }
    const auto directory = *Directory::open("/log", {}, *disk);
    const auto log = *LocalLog::open(options, *directory, clock_, rng_, applier_);
    run(0, [&](core::Core& core) -> Task<void> {
        for (int i = 0; i < 20; ++i) {
            const auto appended = co_await log->append(core, ShardUid(1), make_batch({std::string(8'000, 'x')}));
            EXPECT_TRUE(appended) << i << " " << (appended ? "" : to_string(appended.error()));
        }
    });
    EXPECT_TRUE(log->submit_and_wait("create 1000"));
    EXPECT_LE(log->stats().journal_files, options.journal_files_max);
    log->close();
}

TEST_F(LogTest, large_and_small_batches_and_commands_beside_each_other) {
    Options options;
    options.checkpoint_interval_ms = 50;
    options.large_bytes_min = 64 << 10;
    options.large_bytes_again = 128 << 10;
    options.segment_bytes = 1 << 20;
    options.checkpoint_bytes = 2 << 20;
    constexpr int writers = 16;
    constexpr int appends = 40;
    std::array<std::map<std::uint64_t, std::string>, writers> acknowledged;
    {
        const auto log = open(options);
        ASSERT_TRUE(log->submit_and_wait("create 1 2 3")->accepted);
        std::atomic<int> running{writers};
        std::promise<void> done;
        for (int w = 0; w < writers; ++w) {
            core::Core& core = runtime_.core(static_cast<std::size_t>(w % 2));
            core::spawn(core, [&, w]() -> Task<void> {
                for (int i = 0; i < appends; ++i) {
                    // Each writer has one shard; most write batches of all sizes.
                    const ShardUid shard(static_cast<std::uint64_t>(1 + w % 3));
                    const std::size_t size = w % 4 == 3 ? 10U : static_cast<std::size_t>(100) << ((w + i) % 11);
                    const std::string data = fmt::format("{}/{} {}", w, i, std::string(size, 'x'));
                    const auto result = co_await log->append(core, shard, make_batch({data}));
                    EXPECT_TRUE(result) << (result ? "" : to_string(result.error()));
                    if (result) acknowledged[static_cast<std::size_t>(w)][result->first.value()] = data;
                }
                if (--running == 0) done.set_value();
            });
        }
        for (int i = 0; i < 30; ++i) EXPECT_TRUE(log->submit_and_wait(fmt::format("create {}", 100 + i))->accepted);
        done.get_future().get();
        const Stats stats = log->stats();
        EXPECT_EQ(stats.records, static_cast<std::uint64_t>(writers * appends));
        EXPECT_EQ(stats.queue_frames, 0U);
        EXPECT_EQ(stats.queue_bytes, 0U);
        EXPECT_LT(stats.journal_bytes, stats.payload_bytes) << "nothing was written directly";
    }
    const auto log = open(options);
    std::array<std::map<std::uint64_t, std::string>, 3> stored;
    run(0, [&](core::Core& core) -> Task<void> {
        for (std::size_t shard = 0; shard < stored.size(); ++shard) {
            for (SeqIx from(1);;) {
                const auto result = co_await log->read(core, ShardUid(shard + 1), from, {}, TimestampMs(0));
                EXPECT_TRUE(result) << shard << " at " << from.value();
                if (!result) break;
                for (const FrameSlice& slice : result->slices) {
                    for (const RecordView& record : slice.records()) {
                        stored[shard][record.seq.value()] = std::string(record.data);
                    }
                }
                if (result->at_tip) break;
                from = result->next;
            }
        }
    });
    std::size_t total = 0;
    for (const auto& records : stored) {
        total += records.size();
        EXPECT_EQ(records.size(), records.empty() ? 0U : records.rbegin()->first) << "numbers are dense";
    }
    EXPECT_EQ(total, static_cast<std::size_t>(writers * appends));
    for (std::size_t w = 0; w < writers; ++w) {
        for (const auto& [seq, data] : acknowledged[w]) EXPECT_TRUE(stored[w % 3][seq] == data) << w << " " << seq;
    }
}

TEST_F(LogTest, a_command_from_a_core_returns_its_reply) {
    const auto log = open();
    run(0, [&](core::Core& core) -> Task<void> {
        const auto accepted = co_await log->submit(core, "create 1");
        EXPECT_TRUE(accepted && accepted->accepted);
        EXPECT_EQ(accepted->reply, "done");
        EXPECT_EQ(applier_.durable, accepted->lsn);
        const auto rejected = co_await log->submit(core, "reject");
        EXPECT_TRUE(rejected && !rejected->accepted);
    });
}

TEST_F(LogTest, append_all_answers_in_the_order_of_the_batches) {
    const auto log = open();
    ASSERT_TRUE(log->submit_and_wait("create 1 2"));
    run(0, [&](core::Core& core) -> Task<void> {
        std::vector<ShardBatch> batches;
        batches.push_back({.shard = ShardUid(2), .batch = make_batch({"a", "b"})});
        batches.push_back({.shard = ShardUid(5), .batch = make_batch({"c"})});
        batches.push_back({.shard = ShardUid(1), .batch = make_batch({"d"})});
        const auto results = co_await log->append_all(core, std::move(batches));
        EXPECT_EQ(results.size(), 3U);
        EXPECT_EQ(results[0]->count, 2U);
        EXPECT_EQ(results[1].error(), LogError::unknown_shard);
        EXPECT_EQ(results[2]->first, SeqIx(1));
    });
}

TEST_F(LogTest, a_waiter_hears_of_new_records_and_a_disarmed_one_does_not) {
    const auto log = open();
    ASSERT_TRUE(log->submit_and_wait("create 1"));
    struct Note final : core::Wakeup {
        std::promise<void> woken;
        void run() noexcept override { woken.set_value(); }
    };
    Note first;
    Note second;
    Waiter waiting{.core = &runtime_.core(0), .wakeup = &first};
    Waiter leaving{.core = &runtime_.core(0), .wakeup = &second};
    ASSERT_TRUE(log->arm(ShardUid(1), SeqIx(1), waiting));
    ASSERT_TRUE(log->arm(ShardUid(1), SeqIx(1), leaving));
    EXPECT_TRUE(log->disarm(leaving));
    run(1, [&](core::Core& core) -> Task<void> {
        const auto done = co_await log->append(core, ShardUid(1), make_batch({"x"}));
        EXPECT_TRUE(done);
    });
    first.woken.get_future().get();
    EXPECT_FALSE(log->disarm(waiting));
    EXPECT_FALSE(log->arm(ShardUid(1), SeqIx(1), waiting)) << "there is something to see already";
    EXPECT_FALSE(log->arm(ShardUid(9), SeqIx(1), waiting));
    EXPECT_EQ(second.woken.get_future().wait_for(std::chrono::seconds(0)), std::future_status::timeout);
}

TEST_F(LogTest, every_durability_keeps_what_a_process_wrote) {
    for (const Durability durability : {Durability::sync, Durability::interval, Durability::os}) {
        const std::string name(to_string(durability));
        Options options;
        options.durability = durability;
        options.interval_ms = 5;
        std::filesystem::remove_all(directory_ + "/log");
        applier_ = {};
        {
            const auto log = open(options);
            ASSERT_TRUE(log->submit_and_wait("create 1"));
            run(0, [&](core::Core& core) -> Task<void> {
                for (int i = 0; i < 20; ++i) {
                    const auto done = co_await log->append(core, ShardUid(1), make_batch({name}));
                    EXPECT_TRUE(done) << name;
                }
            });
        }
        const auto log = open(options);
        EXPECT_EQ(log->last_known(ShardUid(1))->next, SeqIx(21)) << name;
        EXPECT_EQ(log->stats().recovery_replayed_bytes, 0U);
    }
}

TEST_F(LogTest, the_journal_moves_through_its_files_while_records_keep_coming) {
    Options options;
    options.journal_file_bytes = 1 << 20;
    options.first_file_bytes = 256 << 10;
    options.journal_files_max = 4;
    options.checkpoint_bytes = 512 << 10;
    options.cache_bytes = 2 << 20;
    options.segment_bytes = 1 << 20;
    const auto log = open(options);
    ASSERT_TRUE(log->submit_and_wait("create 1"));
    run(0, [&](core::Core& core) -> Task<void> {
        for (int i = 0; i < 400; ++i) {
            const std::vector<std::string> records(20, std::string(1000, static_cast<char>('a' + i % 26)));
            const auto done = co_await log->append(core, ShardUid(1), make_batch(records));
            EXPECT_TRUE(done) << i;
        }
        std::uint64_t seen = 0;
        for (SeqIx at(1); seen < 8000;) {
            const auto result = co_await log->read(core, ShardUid(1), at, {.records_max = 777}, TimestampMs(0));
            EXPECT_TRUE(result && result->record_count > 0);
            if (!result || result->record_count == 0) break;
            for (const FrameSlice& slice : result->slices) {
                for (const RecordView& record : slice.records()) {
                    EXPECT_EQ(record.seq.value(), ++seen);
                    EXPECT_EQ(record.data.front(), static_cast<char>('a' + (seen - 1) / 20 % 26));
                }
            }
            at = result->next;
        }
        EXPECT_EQ(seen, 8000U);
    });
    EXPECT_LE(log->stats().journal_files, 4U);
    EXPECT_GT(log->stats().checkpoints, 3U);
    EXPECT_GT(log->stats().reads_from_disk, 0U);
}

TEST_F(LogTest, a_locked_directory_is_refused_by_name) {
    const auto log = open();
    const auto second = Directory::open(directory_ + "/log", {}, io::posix_file_system());
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().fault, OpenFault::locked);
    EXPECT_NE(second.error().message.find(directory_), std::string::npos);
}

TEST_F(LogTest, a_replaced_directory_is_noticed_and_left_alone) {
    std::promise<std::string> failure;
    Options options;
    options.checkpoint_interval_ms = 50;
    options.on_failure = [&](std::string_view reason) { failure.set_value(std::string(reason)); };
    const auto log = open(options);
    ASSERT_TRUE(log->submit_and_wait("create 1"));
    std::filesystem::rename(directory_ + "/log", directory_ + "/moved");
    std::filesystem::create_directory(directory_ + "/log");
    static_cast<void>(log->submit_and_wait("create 2"));
    auto reported = failure.get_future();
    ASSERT_EQ(reported.wait_for(std::chrono::seconds(30)), std::future_status::ready);
    EXPECT_NE(reported.get().find(directory_ + "/log was removed or replaced"), std::string::npos);
    EXPECT_EQ(log->stats().state, StoreState::failed);
    log->close();
    EXPECT_TRUE(std::filesystem::is_empty(directory_ + "/log"));
}

TEST_F(LogTest, making_spare_files_waits_for_descriptors) {
    io::SimulatedFileSystem disk;
    ASSERT_TRUE(disk.mkdir("/"));
    const auto directory = *Directory::open("/log", {}, disk);
    Options options;
    options.journal_file_bytes = 256 << 10;
    options.first_file_bytes = 64 << 10;
    options.space_wait_ms = 10;
    const auto log = *LocalLog::open(options, *directory, clock_, rng_, applier_);
    ASSERT_TRUE(log->submit_and_wait("create 1"));
    disk.fail_call("open", 1, EMFILE, true);
    bool is_refused = false;
    run(0, [&](core::Core& core) -> Task<void> {
        for (int i = 0; i < 20; ++i) {
            const auto done = co_await log->append(core, ShardUid(1), make_batch({std::string(10'000, 'x')}));
            if (!done) EXPECT_EQ(done.error(), LogError::overloaded);
            is_refused |= !done;
        }
    });
    EXPECT_TRUE(is_refused);
    EXPECT_NE(log->stats().state, StoreState::failed) << log->stats().failure;
    disk.clear_failures();
    bool is_accepted = false;
    run(0, [&](core::Core& core) -> Task<void> {
        for (int i = 0; i < 3'000 && !is_accepted; ++i) {
            const auto done = co_await log->append(core, ShardUid(1), make_batch({std::string(10'000, 'x')}));
            is_accepted = done.has_value();
        }
    });
    EXPECT_TRUE(is_accepted);
    log->close();
}

}  // namespace
}  // namespace riacho::log
