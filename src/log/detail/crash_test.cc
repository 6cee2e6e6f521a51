// Power cuts at every change that a scenario makes to the disk, and the recovery after each.
#include <gtest/gtest-spi.h>

#include <array>
#include <functional>

#include "log/detail/test_node.h"

namespace riacho::log::detail {
namespace {

using io::CrashPolicy;
using io::SimulatedFileSystem;

// Decides by call and path whether a sync is left out.
using Forget = std::function<bool(std::string_view call, std::string_view path)>;

// A disk for a program that forgets a sync: the call succeeds and does nothing.
class ForgetfulFile final : public io::File {
public:
    ForgetfulFile(std::unique_ptr<io::File> file, std::string path, const Forget& forget)
        : file_(std::move(file)), path_(std::move(path)), forget_(forget) {}
    io::IoResult<std::size_t> pread(std::uint64_t offset, MutableByteSpan out) override {
        return file_->pread(offset, out);
    }
    io::IoResult<void> pwritev(std::uint64_t offset, std::span<const ByteSpan> parts) override {
        return file_->pwritev(offset, parts);
    }
    io::IoResult<void> fdatasync() override {
        if (forget_("fdatasync", path_)) return {};
        return file_->fdatasync();
    }
    io::IoResult<void> ftruncate(std::uint64_t size) override { return file_->ftruncate(size); }
    io::IoResult<std::uint64_t> size() override { return file_->size(); }
    void drop_cache() override { file_->drop_cache(); }

private:
    std::unique_ptr<io::File> file_;
    const std::string path_;
    const Forget& forget_;
};

class Forgetful final : public io::FileSystem {
public:
    Forgetful(io::FileSystem& fs, Forget forget) : fs_(fs), forget_(std::move(forget)) {}
    io::IoResult<std::unique_ptr<io::File>> open(const std::string& path, io::OpenOptions options) override {
        if (options.dsync && forget_("dsync", path)) options.dsync = false;
        auto file = fs_.open(path, options);
        if (!file) return file;
        return std::make_unique<ForgetfulFile>(*std::move(file), path, forget_);
    }
    io::IoResult<void> rename(const std::string& from, const std::string& to) override { return fs_.rename(from, to); }
    io::IoResult<void> unlink(const std::string& path) override { return fs_.unlink(path); }
    io::IoResult<void> mkdir(const std::string& path) override { return fs_.mkdir(path); }
    io::IoResult<void> rmdir(const std::string& path) override { return fs_.rmdir(path); }
    io::IoResult<std::vector<io::DirectoryEntry>> list(const std::string& path) override { return fs_.list(path); }
    io::IoResult<void> sync_directory(const std::string& path) override {
        if (forget_("sync_directory", path)) return {};
        return fs_.sync_directory(path);
    }
    io::IoResult<void> syncfs(const std::string& path) override { return fs_.syncfs(path); }
    io::IoResult<io::SpaceInfo> statvfs(const std::string& path) override { return fs_.statvfs(path); }
    io::IoResult<std::unique_ptr<io::FileSystem>> hold(const std::string& path) override { return fs_.hold(path); }
    io::IoResult<std::unique_ptr<io::FileLock>> lock(const std::string& path) override { return fs_.lock(path); }

private:
    io::FileSystem& fs_;
    const Forget forget_;
};

// The lifetime of one process, with the replies its clients received.
class Life {
public:
    struct Expectation {
        std::vector<std::string> attempted;  // in order
        std::size_t acknowledged = 0;
        bool created = false;
        bool closed = false;
        bool dropped = false;
        bool drop_attempted = false;
        std::uint64_t first_available = 1;
    };

    Life(SimulatedFileSystem& bare, io::FileSystem& fs, core::Clock& clock, TestApplier& applier,
         const Options& options = TestNode::small_options())
        : disk(bare), node(fs, clock, applier, options) {}

    void create(std::uint64_t shard) {
        if (node.is_open() && node.command(fmt::format("create {}", shard))) shards[shard].created = true;
    }
    void close(std::uint64_t shard) {
        if (node.is_open() && node.command(fmt::format("close {}", shard))) shards[shard].closed = true;
    }
    void drop(std::uint64_t shard) {
        if (!node.is_open()) return;
        shards[shard].drop_attempted = true;
        if (node.command(fmt::format("drop {}", shard))) shards[shard].dropped = true;
    }
    void trim(std::uint64_t shard, std::uint64_t first) {
        if (node.is_open() && node.command(fmt::format("trim {}={}", shard, first)))
            shards[shard].first_available = first;
    }
    // One request with a batch for each of the shards.
    void append(const std::vector<std::uint64_t>& uids, std::size_t size = 100) {
        if (!node.is_open()) return;
        const auto results = node.append_all(make_batches(uids, size));
        for (std::size_t i = 0; i < uids.size(); ++i) {
            if (results[i]) shards[uids[i]].acknowledged = results[i]->first.value();
        }
    }
    // Two requests of so many batches that one job of the direct lane does not take both, and a trim of the second
    // one's shard, which comes when that request is written and its references are not yet placed.
    void append_around_trim(std::uint64_t shard, std::uint64_t other, std::uint64_t first) {
        if (!node.is_open()) return;
        struct Request {
            std::uint64_t uid = 0;
            std::vector<ShardBatch> batches;
            AppendRequest request;
            NoWakeup wakeup;
        };
        std::array<Request, 2> requests;
        requests[0].uid = other;
        requests[1].uid = shard;
        node.make_spares();
        for (Request& one : requests) {
            one.batches = make_batches(std::vector<std::uint64_t>(job_frames, one.uid), 50);
            one.request.batches = one.batches;
            one.request.wakeup = &one.wakeup;
            node.sequencer.submit(one.request);
        }
        node.sequencer.step();
        if (node.command(fmt::format("trim {}={}", shard, first))) shards[shard].first_available = first;
        for (const Request& one : requests) {
            EXPECT_EQ(one.wakeup.count, 1);
            for (const ShardBatch& batch : one.batches) {
                if (batch.result) shards[one.uid].acknowledged = batch.result->first.value();
            }
        }
    }
    void checkpoint() {
        if (node.is_open()) node.checkpoint();
    }

    SimulatedFileSystem& disk;
    TestNode node;
    std::map<std::uint64_t, Expectation> shards;

private:
    static constexpr std::size_t job_frames = 70;  // references to twice as many do not fit into a journal file

    std::vector<ShardBatch> make_batches(const std::vector<std::uint64_t>& uids, std::size_t size) {
        std::vector<ShardBatch> batches;
        for (const std::uint64_t uid : uids) {
            Expectation& shard = shards[uid];
            std::string data = fmt::format("{}/{} {}", uid, shard.attempted.size(), std::string(size, 'x'));
            batches.push_back({.shard = ShardUid(uid), .batch = make_batch({data})});
            shard.attempted.push_back(std::move(data));
        }
        return batches;
    }
};

using Scenario = std::function<void(Life&)>;

// Receives failures that the test expects.
const testing::TestPartResultArray* wanted_failures = nullptr;
bool has_failed() { return wanted_failures != nullptr ? wanted_failures->size() > 0 : testing::Test::HasFailure(); }

void expect_promises_kept(TestNode& node, const Life& life, const std::string& context) {
    for (const auto& [uid, expected] : life.shards) {
        const auto state = node.find(uid);
        if (!state) {
            EXPECT_TRUE(!expected.created || expected.drop_attempted) << context << ": shard " << uid << " is lost";
            continue;
        }
        EXPECT_FALSE(expected.dropped) << context << ": shard " << uid << " is back";
        EXPECT_FALSE(state->damaged) << context << ": a crash was taken for damage";
        if (expected.closed) EXPECT_TRUE(state->closed) << context;
        EXPECT_GE(state->first_available.value(), expected.first_available) << context;
        std::optional<LogError> error;
        const auto records = node.read_all(uid, SeqIx(1), {}, &error);
        EXPECT_FALSE(error) << context;
        const std::uint64_t first = state->first_available.value();
        EXPECT_GE(first + records.size() - 1, expected.acknowledged) << context << ": acknowledged records are lost";
        for (std::size_t i = 0; i < records.size(); ++i) {
            ASSERT_EQ(records[i].seq, first + i) << context;
            ASSERT_LE(records[i].seq, expected.attempted.size()) << context;
            ASSERT_EQ(records[i].data, expected.attempted[records[i].seq - 1]) << context;
        }
    }
}

std::vector<CrashPolicy> policies() {
    std::vector<CrashPolicy> list = {{.kind = CrashPolicy::Kind::lose_all}, {.kind = CrashPolicy::Kind::keep_all}};
    for (const std::size_t bytes : {1U, 63U, 100U, 512U, 4000U}) {
        list.push_back({.kind = CrashPolicy::Kind::torn_write, .bytes = bytes});
    }
    for (std::uint64_t seed = 1; seed <= 6; ++seed) list.push_back({.kind = CrashPolicy::Kind::random, .seed = seed});
    return list;
}

// Starts on a crashed disk, checks, writes more, crashes without losing data and starts again.
void expect_recovery(SimulatedFileSystem& fs, const Life& life, const TestApplier& applier, core::Clock& clock,
                     const std::string& context, const Options& options = TestNode::small_options()) {
    std::string first;
    {
        TestApplier mine = applier;
        TestNode node(fs, clock, mine, options);
        ASSERT_TRUE(node.is_open()) << context << ": " << node.error->message;
        expect_promises_kept(node, life, context);
        first = node.describe();
    }
    fs.crash({});
    TestApplier mine = applier;
    TestNode node(fs, clock, mine, options);
    ASSERT_TRUE(node.is_open()) << context << " again: " << node.error->message;
    EXPECT_EQ(node.describe(), first) << context << ": the second start sees something else";
    for (const auto& [uid, expected] : life.shards) {
        const auto state = node.find(uid);
        if (!state || state->closed) continue;
        SeqIx next = state->next;
        // The second one is large.
        for (const std::size_t size : {5U, 7000U}) {
            const auto appended = node.append(uid, {std::string(size, 'a')});
            ASSERT_TRUE(appended) << context;
            EXPECT_EQ(appended->first, next) << context;
            next = next.plus(1);
        }
    }
    ASSERT_TRUE(node.checkpoint()) << context;
    node.empty_cache();
    if (!has_failed()) {
        for (const auto& [uid, expected] : life.shards) {
            std::optional<LogError> error;
            node.read_all(uid, SeqIx(1), {}, &error);
            EXPECT_TRUE(!error || error == LogError::unknown_shard) << context << " from segments";
        }
    }
}

// Cuts the power at each change of the scenario, once with every policy for unsynced data.
void crash_everywhere_with(const Options& options, const Scenario& scenario, const Forget& forget) {
    core::ManualClock clock{TimestampMs(1'700'000'000'000)};
    for (std::uint64_t point = 1;; ++point) {
        SimulatedFileSystem fs;
        TestApplier applier;
        ASSERT_TRUE(fs.mkdir("/"));
        ASSERT_TRUE(fs.sync_directory("/"));
        fs.power_off_at_change(point);
        Forgetful forgetful(fs, forget);
        Life life(fs, forget ? static_cast<io::FileSystem&>(forgetful) : fs, clock, applier, options);
        scenario(life);
        const bool is_past_end = !fs.is_off();
        for (const CrashPolicy& policy : policies()) {
            const auto disk = fs.clone();
            disk->crash(policy);
            disk->set_bytes_free(1ULL << 40);
            expect_recovery(
                *disk, life, applier, clock,
                fmt::format("power off in change {}, policy {} bytes {} seed {}, large from {}", point,
                            static_cast<int>(policy.kind), policy.bytes, policy.seed, options.large_bytes_min),
                options);
            if (has_failed()) return;
        }
        if (is_past_end) return;
    }
}

// Batches of 2,500 bytes and more go to their segments directly.
Options with_large_batches() {
    Options options = TestNode::small_options();
    options.large_bytes_min = 2500;
    options.large_bytes_again = 0;
    return options;
}

void crash_everywhere(const Scenario& scenario) {
    crash_everywhere_with(TestNode::small_options(), scenario, nullptr);
    if (!has_failed()) crash_everywhere_with(with_large_batches(), scenario, nullptr);
}

TEST(Crash, a_single_record) {
    crash_everywhere([](Life& life) {
        life.create(1);
        life.append({1});
    });
}

TEST(Crash, a_group_of_five) {
    crash_everywhere([](Life& life) {
        for (std::uint64_t uid = 1; uid <= 5; ++uid) life.create(uid);
        life.append({1, 2, 3, 4, 5}, 300);
        life.append({1, 2, 3, 4, 5}, 3000);
    });
}

TEST(Crash, moving_to_the_next_journal_file) {
    crash_everywhere([](Life& life) {
        life.create(1);
        for (int i = 0; i < 6; ++i) life.append({1}, 7000);
    });
}

TEST(Crash, checkpoint_and_recycling) {
    crash_everywhere([](Life& life) {
        life.create(1);
        life.create(2);
        for (int i = 0; i < 5; ++i) life.append({1, 2}, 6000);
        life.checkpoint();
        for (int i = 0; i < 9; ++i) life.append({1}, 7000);
        life.checkpoint();
        life.append({2, 1});
    });
}

TEST(Crash, a_forgotten_sync_is_noticed) {
    // These tests prove something only if they fail for a program that omits any one of its syncs.
    const Scenario write_directly = [](Life& life) {
        life.create(1);
        life.append({1}, 7000);
        life.append({1});
        life.append({1}, 7000);
    };
    const Scenario write_and_checkpoint = [](Life& life) {
        life.create(1);
        life.append({1}, 7000);
        life.checkpoint();
        life.append({1}, 10'000);
        life.checkpoint();
        life.append({1});
    };
    const auto is = [](std::string_view call, std::string_view end) {
        return [=](std::string_view c, std::string_view path) { return c == call && path.ends_with(end); };
    };
    const std::vector<std::pair<std::string, Forget>> mutants = {
        {"of the journal's writes", is("dsync", ".rkj")},
        {"of a new journal file's content", is("fdatasync", "first.rkj.tmp")},
        {"of a journal file's name", is("sync_directory", "/journal")},
        {"of segments", is("fdatasync", ".rks")},
        {"of a segment's name", is("sync_directory", "/data/0/0000000000000001")},
        {"of a shard's directory", is("sync_directory", "/data/0")},
        {"of the directory of shards", is("sync_directory", "/data")},
        {"of the checkpoint's content", is("fdatasync", "checkpoint.rkc.tmp")},
        {"of the store's content", is("fdatasync", "STORE.tmp")},
        {"of the names in the store's directory", is("sync_directory", "/store")},
    };
    const auto expect_noticed = [](const std::string& what, const Options& options, const Scenario& scenario,
                                   const Forget& forget) {
        testing::TestPartResultArray failures;
        wanted_failures = &failures;
        {
            const testing::ScopedFakeTestPartResultReporter reporter(
                testing::ScopedFakeTestPartResultReporter::INTERCEPT_ONLY_CURRENT_THREAD, &failures);
            crash_everywhere_with(options, scenario, forget);
        }
        wanted_failures = nullptr;
        EXPECT_GT(failures.size(), 0) << "nobody noticed that the sync " << what << " is missing";
    };
    for (const auto& [what, forget] : mutants) {
        expect_noticed(what, TestNode::small_options(), write_and_checkpoint, forget);
        // Direct writes have syncs of their own, which no checkpoint makes up for.
        if (what.find("segment") != std::string::npos || what.find("shard") != std::string::npos) {
            expect_noticed(what + " (directly)", with_large_batches(), write_directly, forget);
        }
    }
}

TEST(Crash, shards_are_created_closed_trimmed_and_dropped) {
    crash_everywhere([](Life& life) {
        life.create(1);
        life.append({1});
        life.create(2);
        life.append({1, 2});
        life.close(1);
        life.checkpoint();
        life.append({2});
        life.trim(2, 2);
        life.drop(1);
        life.checkpoint();
        life.create(3);
        life.append({2, 3});
    });
}

TEST(Crash, segments_roll_between_checkpoints) {
    crash_everywhere([](Life& life) {
        life.create(1);
        for (int round = 0; round < 3; ++round) {
            for (int i = 0; i < 3; ++i) life.append({1}, 7000);
            life.checkpoint();
        }
        life.close(1);
        life.checkpoint();
    });
}

TEST(Crash, large_and_small_batches_of_one_shard) {
    crash_everywhere([](Life& life) {
        life.create(1);
        life.append({1}, 7000);
        life.append({1}, 5000);
        life.append({1}, 100);
        life.append({1}, 2600);
        life.checkpoint();
        life.append({1}, 7000);
        life.append({1}, 300);
        life.append({1}, 300);
        life.checkpoint();
        life.append({1}, 7000);
        life.append({1}, 100);
    });
}

TEST(Crash, large_batches_of_shards_that_are_created_closed_trimmed_and_dropped) {
    crash_everywhere([](Life& life) {
        life.create(1);
        life.create(2);
        life.append({1, 2}, 6000);
        life.append({1, 2}, 6000);
        life.checkpoint();
        life.append({1, 2}, 6000);
        life.close(1);
        life.append({2}, 6000);
        life.trim(2, 3);
        life.checkpoint();
        life.drop(1);
        life.append({2}, 6000);
        life.checkpoint();
        life.create(3);
        life.append({3, 2}, 6000);
    });
}

TEST(Crash, a_command_in_front_of_the_references_of_large_batches) {
    crash_everywhere([](Life& life) {
        life.create(1);
        life.create(2);
        life.append({1}, 7000);
        life.append_around_trim(1, 2, 2);
        life.append({1}, 7000);
    });
}

TEST(Crash, a_disk_that_has_no_room_for_a_large_batch) {
    crash_everywhere([](Life& life) {
        life.create(1);
        life.append({1}, 7000);
        life.checkpoint();
        life.disk.set_bytes_free(5000);
        life.append({1}, 7000);
        life.append({1}, 3000);
        life.disk.set_bytes_free(1ULL << 40);
        life.append({1}, 7000);
        life.checkpoint();
        life.append({1}, 7000);
    });
}

TEST(Crash, whole_segments_are_trimmed_away) {
    crash_everywhere([](Life& life) {
        life.create(1);
        for (int i = 0; i < 6; ++i) life.append({1}, 7000);
        life.checkpoint();
        life.trim(1, 5);
        life.checkpoint();
        life.append({1});
        life.checkpoint();
    });
}

TEST(Crash, a_disk_that_fills_up_and_empties) {
    crash_everywhere([](Life& life) {
        life.create(1);
        life.append({1}, 7000);
        life.checkpoint();
        life.append({1}, 5000);
        life.disk.set_bytes_free(3000);
        life.checkpoint();
        life.append({1});
        life.checkpoint();
        life.disk.set_bytes_free(1ULL << 40);
        life.append({1});
        life.checkpoint();
    });
}

void crash_the_recovery(const Options& options) {
    core::ManualClock clock{TimestampMs(1'700'000'000'000)};
    SimulatedFileSystem first;
    TestApplier applier;
    ASSERT_TRUE(first.mkdir("/"));
    ASSERT_TRUE(first.sync_directory("/"));
    Life life(first, first, clock, applier, options);
    life.create(1);
    life.create(2);
    for (int i = 0; i < 6; ++i) life.append({1, 2}, 5000);
    life.checkpoint();
    life.append({1}, 5000);
    first.power_off_at_change(1);
    life.append({2}, 3000);
    for (std::uint64_t seed = 0; seed < 4; ++seed) {
        for (std::uint64_t point = 1; point < 30; ++point) {
            const auto disk = first.clone();
            disk->crash({.kind = CrashPolicy::Kind::random, .seed = seed});
            disk->power_off_at_change(point);
            {
                TestApplier mine = applier;
                TestNode interrupted(*disk, clock, mine, options);
                if (interrupted.is_open()) interrupted.checkpoint();
            }
            disk->crash({.kind = CrashPolicy::Kind::random, .seed = seed + 100});
            expect_recovery(*disk, life, applier, clock, fmt::format("recovery cut in change {}, seed {}", point, seed),
                            options);
            if (has_failed()) return;
        }
    }
}

TEST(Crash, the_recovery_itself) {
    crash_the_recovery(TestNode::small_options());
    crash_the_recovery(with_large_batches());
}

TEST(CrashAfterFailure, a_record_whose_write_failed_is_there_only_if_it_is_on_the_disk) {
    core::ManualClock clock{TimestampMs(1'700'000'000'000)};
    for (const bool arrives : {false, true}) {
        SimulatedFileSystem fs;
        TestApplier applier;
        ASSERT_TRUE(fs.mkdir("/"));
        {
            TestNode node(fs, clock, applier);
            ASSERT_TRUE(node.command("create 1"));
            ASSERT_TRUE(node.append(1, {"a"}));
            fs.power_off_at_change(1);
            EXPECT_EQ(node.append(1, {"b"}).error(), LogError::poisoned);
        }
        fs.crash({.kind = arrives ? CrashPolicy::Kind::keep_all : CrashPolicy::Kind::lose_all});
        TestNode node(fs, clock, applier);
        EXPECT_EQ(node.read_all(1).size(), arrives ? 2U : 1U);
    }
}

TEST(CrashWeakDurability, loses_the_newest_records_only_and_never_a_command) {
    core::ManualClock clock{TimestampMs(1'700'000'000'000)};
    for (const Durability durability : {Durability::interval, Durability::os}) {
        for (const bool has_checkpoint : {false, true}) {
            for (std::uint64_t seed = 0; seed < 12; ++seed) {
                SimulatedFileSystem fs;
                TestApplier applier;
                ASSERT_TRUE(fs.mkdir("/"));
                Options options = TestNode::small_options();
                options.durability = durability;
                {
                    TestNode node(fs, clock, applier, options);
                    ASSERT_TRUE(node.command("create 1"));
                    for (int i = 0; i < 5; ++i) ASSERT_TRUE(node.append(1, {std::to_string(i)}));
                    if (has_checkpoint) ASSERT_TRUE(node.checkpoint());
                    for (int i = 5; i < 12; ++i) ASSERT_TRUE(node.append(1, {std::to_string(i)}));
                }
                fs.crash(seed == 0 ? CrashPolicy{} : CrashPolicy{.kind = CrashPolicy::Kind::random, .seed = seed});
                TestNode node(fs, clock, applier, options);
                ASSERT_TRUE(node.is_open()) << node.error->message;
                ASSERT_TRUE(node.find(1));
                const auto records = node.read_all(1);
                EXPECT_GE(records.size(), has_checkpoint ? 5U : 0U);
                for (std::size_t i = 0; i < records.size(); ++i) EXPECT_EQ(records[i].data, std::to_string(i));
                EXPECT_EQ(node.append(1, {"next"})->first, SeqIx(records.size() + 1));
            }
        }
    }
}

TEST(CrashWeakDurability, what_a_killed_process_left_in_the_page_cache_is_made_durable_before_it_is_built_on) {
    SimulatedFileSystem fs;
    core::ManualClock clock{TimestampMs(1'700'000'000'000)};
    TestApplier applier;
    ASSERT_TRUE(fs.mkdir("/"));
    Options weak = TestNode::small_options();
    weak.durability = Durability::os;
    {
        TestNode node(fs, clock, applier, weak);
        ASSERT_TRUE(node.command("create 1"));
        ASSERT_TRUE(node.append(1, {"a"}));
    }
    // The process is killed without a power cut: the kernel still has the data. The next process uses a stronger
    // durability.
    {
        TestNode node(fs, clock, applier);
        ASSERT_TRUE(node.is_open());
        EXPECT_EQ(node.append(1, {"b"})->first, SeqIx(2));
    }
    fs.crash({});
    TestNode node(fs, clock, applier);
    ASSERT_TRUE(node.is_open()) << node.error->message;
    EXPECT_EQ(node.store.counters.damaged_shards, 0U);
    EXPECT_EQ(node.read_all(1).size(), 2U);
}

TEST(CrashWeakDurability, a_segment_that_outlived_its_records_journal_is_not_mixed_with_new_ones) {
    SimulatedFileSystem fs;
    core::ManualClock clock{TimestampMs(1'700'000'000'000)};
    TestApplier applier;
    ASSERT_TRUE(fs.mkdir("/"));
    Options options = TestNode::small_options();
    options.durability = Durability::os;
    std::map<std::string, Bytes> segments;
    {
        TestNode node(fs, clock, applier, options);
        ASSERT_TRUE(node.command("create 1"));
        ASSERT_TRUE(node.append(1, {"kept"}));
        ASSERT_TRUE(node.checkpoint());
        for (int i = 0; i < 12; ++i) ASSERT_TRUE(node.append(1, {std::string(3000, 'o')}));
        ASSERT_TRUE(node.flusher.process());
        for (const std::string& path : fs.paths()) {
            if (path.ends_with(".rks")) segments[path] = *fs.content(path);
        }
        ASSERT_GT(segments.size(), 2U);
    }
    fs.crash({});
    for (const auto& [path, content] : segments) fs.set_content(path, content);
    std::vector<TestRecord> written;
    {
        TestNode node(fs, clock, applier, options);
        ASSERT_TRUE(node.is_open()) << node.error->message;
        ASSERT_LT(node.read_all(1).size(), 13U) << "nothing was lost, so nothing is tested";
        for (int i = 0; i < 40; ++i) {
            ASSERT_TRUE(node.append(1, {fmt::format("new {} {}", i, std::string(1700, 'n'))}));
            if (i % 10 == 9) ASSERT_TRUE(node.checkpoint());
        }
        written = node.read_all(1);
        node.shut_down();
    }
    TestNode node(fs, clock, applier, options);
    ASSERT_TRUE(node.is_open());
    // Reads one record at a time: each is looked up in the segment that its number leads to.
    EXPECT_EQ(node.read_all(1, SeqIx(1), {.records_max = 1}), written);
}

}  // namespace
}  // namespace riacho::log::detail
