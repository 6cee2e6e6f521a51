// A copy that is made while the log goes on between any two calls of the file system, and in the middle of reads.
#include "log/backup.h"

#include <functional>
#include <map>
#include <random>
#include <utility>

#include "base/try.h"
#include "log/detail/test_node.h"
#include "log/verify.h"

namespace riacho::log {
namespace {

using namespace detail;

// Lets something happen before each call, and once within each read: its first part is older than its second.
class BusyFileSystem final : public io::FileSystem {
public:
    // happen: called with each path that is opened or listed.
    BusyFileSystem(io::FileSystem& fs, std::function<void(const std::string&)> happen)
        : fs_(fs), happen_(std::move(happen)) {}

    io::IoResult<std::unique_ptr<io::File>> open(const std::string& path, io::OpenOptions options) override {
        happen_(path);
        TRY(auto file, fs_.open(path, options));
        return std::unique_ptr<io::File>(std::make_unique<BusyFile>(std::move(file), [this] { happen_(""); }));
    }
    io::IoResult<void> rename(const std::string& from, const std::string& to) override { return fs_.rename(from, to); }
    io::IoResult<void> unlink(const std::string& path) override { return fs_.unlink(path); }
    io::IoResult<void> mkdir(const std::string& path) override { return fs_.mkdir(path); }
    io::IoResult<void> rmdir(const std::string& path) override { return fs_.rmdir(path); }
    io::IoResult<std::vector<io::DirectoryEntry>> list(const std::string& path) override {
        happen_(path);
        return fs_.list(path);
    }
    io::IoResult<void> sync_directory(const std::string& path) override { return fs_.sync_directory(path); }
    io::IoResult<void> syncfs(const std::string& path) override { return fs_.syncfs(path); }
    io::IoResult<io::SpaceInfo> statvfs(const std::string& path) override { return fs_.statvfs(path); }
    io::IoResult<std::unique_ptr<io::FileSystem>> hold(const std::string& directory) override {
        return fs_.hold(directory);
    }
    io::IoResult<std::unique_ptr<io::FileLock>> lock(const std::string& path) override { return fs_.lock(path); }

private:
    class BusyFile final : public io::File {
    public:
        BusyFile(std::unique_ptr<io::File> file, std::function<void()> happen)
            : file_(std::move(file)), happen_(std::move(happen)) {}
        io::IoResult<std::size_t> pread(std::uint64_t offset, MutableByteSpan out) override {
            const std::size_t half = out.size() > 6 * block_size ? 6 * block_size : 0;
            std::size_t got = 0;
            if (half > 0) {
                TRY(got, file_->pread(offset, out.first(half)));
                if (got < half) return got;
            }
            happen_();
            TRY(const std::size_t rest, file_->pread(offset + got, out.subspan(got)));
            return got + rest;
        }
        io::IoResult<void> pwritev(std::uint64_t offset, std::span<const ByteSpan> parts) override {
            return file_->pwritev(offset, parts);
        }
        io::IoResult<void> fdatasync() override { return file_->fdatasync(); }
        io::IoResult<void> ftruncate(std::uint64_t size) override { return file_->ftruncate(size); }
        io::IoResult<std::uint64_t> size() override { return file_->size(); }
        void drop_cache() override { file_->drop_cache(); }

    private:
        std::unique_ptr<io::File> file_;
        std::function<void()> happen_;
    };

    io::FileSystem& fs_;
    std::function<void(const std::string&)> happen_;
};

// A node that does what nodes do, by chance.
class Work {
public:
    Work(io::FileSystem& fs, core::Clock& clock, TestApplier& applier, std::uint64_t seed)
        : fs_(fs), clock_(clock), applier_(applier), chance_(seed), has_large_(seed % 4 > 1) {
        start();
    }

    // A start after a kill. Segments end elsewhere than they did before, as with the wall clock they do.
    void start() {
        Options options = TestNode::small_options();
        options.segment_bytes = (12 + chance_() % 30) << 10;
        options.space_wait_ms = 2;
        if (has_large_) {
            options.large_bytes_min = 2500;
            options.large_bytes_again = 0;
        }
        node_.reset();
        node_.emplace(fs_, clock_, applier_, options);
        ASSERT_TRUE(node_->is_open()) << node_->error->message;
    }

    void step() {
        const auto dice = chance_() % 1000;
        if (dice < 300) {
            const std::uint64_t shard = 1 + chance_() % 2;
            const std::string text = fmt::format("{}:{}:{}", shard, ++sent_[shard], std::string(chance_() % 3000, 'x'));
            if (node_->append(shard, {text})) return acknowledged_[shard].push_back(text);
            applier_.applied = applier_.durable;  // the journal is full
            ASSERT_TRUE(node_->checkpoint());
        } else if (dice < 320) {
            ASSERT_TRUE(node_->checkpoint());
        } else if (dice < 326) {
            const std::uint64_t shard = 1 + chance_() % 2;
            const auto half = acknowledged_[shard].size() / 2 + 1;
            ASSERT_TRUE(node_->command(fmt::format("trim {}={}", shard, half)));
        } else if (dice < 330) {
            ASSERT_TRUE(node_->command(fmt::format("create {}", ++newest_)));
        } else if (dice < 340) {
            applier_.applied = applier_.durable;
        } else if (dice < 346) {
            start();
        } else if (dice < 380) {
            ASSERT_TRUE(node_->flusher.process());  // segments are ahead of the checkpoint
        }
    }

    [[nodiscard]] const std::vector<std::string>& acknowledged(std::uint64_t shard) { return acknowledged_[shard]; }

    TestNode& node() { return *node_; }

private:
    io::FileSystem& fs_;
    core::Clock& clock_;
    TestApplier& applier_;
    std::mt19937_64 chance_;
    const bool has_large_;
    std::optional<TestNode> node_;
    std::map<std::uint64_t, int> sent_;
    std::map<std::uint64_t, std::vector<std::string>> acknowledged_;
    std::uint64_t newest_ = 100;
};

std::string texts(const VerifyReport& report) {
    std::string text;
    for (const Finding& found : report.findings) {
        if (found.severity == Finding::Severity::damage) text += fmt::format("{}: {}\n", found.path, found.message);
    }
    return text;
}

struct Outcome {
    int repetitions = 0;
};

Outcome copy_under_work(std::uint64_t seed) {
    SCOPED_TRACE(fmt::format("seed {}", seed));
    Outcome outcome;
    io::SimulatedFileSystem fs;
    core::ManualClock clock{TimestampMs(1'700'000'000'000)};
    TestApplier applier;
    EXPECT_TRUE(fs.mkdir("/"));
    EXPECT_TRUE(fs.mkdir("/copy"));
    Work work(fs, clock, applier, seed);
    EXPECT_TRUE(work.node().command("create 1 2"));
    applier.stores_at_once = seed % 2 == 0;  // in the other half of the tests the catalog is stored now and then
    for (int i = 0; i < 300; ++i) work.step();

    BusyFileSystem busy(fs, [&](const std::string&) { work.step(); });
    HotCopy copy("/store", "/copy", busy);
    EXPECT_TRUE(copy.copy_segments());
    std::map<std::uint64_t, std::size_t> promised;
    TestApplier stored;
    for (;; ++outcome.repetitions) {
        if (outcome.repetitions > 100) {
            ADD_FAILURE() << "it never ends";
            return outcome;
        }
        for (const std::uint64_t shard : {1U, 2U}) promised[shard] = work.acknowledged(shard).size();
        stored.applied = applier.applied;
        const auto copied = copy.copy_rest(applier.applied, [&] { return applier.applied; });
        if (!copied) {
            ADD_FAILURE() << copied.error().message;
            return outcome;
        }
        if (*copied) break;
    }

    EXPECT_EQ(texts(verify("/copy", fs)), "");
    Options options = TestNode::small_options();
    options.directory = "/copy";
    TestNode restored(fs, clock, stored, options);
    if (restored.error) {
        ADD_FAILURE() << restored.error->message;
        return outcome;
    }
    for (const std::uint64_t shard : {1U, 2U}) {
        const auto state = restored.find(shard);
        if (!state) {
            ADD_FAILURE() << "shard " << shard << " is missing";
            continue;
        }
        EXPECT_FALSE(state->damaged);
        EXPECT_GE(state->next.value(), promised[shard] + 1) << "acknowledged before the copy, and not in it";
        const auto& acknowledged = work.acknowledged(shard);
        for (const TestRecord& record : restored.read_all(shard, state->first_available)) {
            EXPECT_EQ(record.data, acknowledged.at(record.seq - 1));
        }
    }
    return outcome;
}

TEST(HotCopy, is_what_a_crash_would_have_left) {
    int repetitions = 0;
    for (std::uint64_t seed = 1; seed <= 50; ++seed) repetitions += copy_under_work(seed).repetitions;
    EXPECT_GT(repetitions, 0) << "no file went away: the case was not tried";
}

// A node whose records go to segments at once.
class HotCopyOfLarge : public testing::Test {
protected:
    static Options options() {
        Options options = TestNode::small_options();
        options.large_bytes_min = 2500;
        options.large_bytes_again = 0;
        options.space_wait_ms = 2;
        return options;
    }
    HotCopyOfLarge() {
        EXPECT_TRUE(fs_.mkdir("/"));
        EXPECT_TRUE(fs_.mkdir("/copy"));
        node_.emplace(fs_, clock_, applier_, options());
        EXPECT_TRUE(node_->command("create 1 2"));
        EXPECT_TRUE(node_->checkpoint());
    }
    void put(std::uint64_t shard) { ASSERT_TRUE(node_->append(shard, {std::string(7000, 'x')})); }
    std::vector<std::string> segments(std::uint64_t shard) {
        const std::string directory = "/store/" + shard_directory(ShardUid(shard)) + "/";
        std::vector<std::string> found;
        for (const std::string& path : fs_.paths()) {
            if (path.starts_with(directory) && path.ends_with(".rks")) found.push_back(path);
        }
        return found;
    }

    io::SimulatedFileSystem fs_;
    core::ManualClock clock_{TimestampMs(1'700'000'000'000)};
    TestApplier applier_;
    std::optional<TestNode> node_;
};

TEST_F(HotCopyOfLarge, tries_again_when_a_segment_came_and_went_between_its_listings) {
    for (const std::string ending : {"trim 1=6", "drop 2"}) {
        int data_lists = 0;
        bool has_begun = false;
        BusyFileSystem busy(fs_, [&](const std::string& path) {
            if (path == "/store/data") ++data_lists;
            if (path == "/store/journal" && data_lists == 1 && !std::exchange(has_begun, true)) {
                for (int i = 0; i < 6; ++i) put(ending == "drop 2" ? 2 : 1);
            }
            if (path == "/store/data" && data_lists == 2) {
                const std::size_t before = segments(1).size() + segments(2).size();
                ASSERT_TRUE(node_->command(ending));
                ASSERT_TRUE(node_->checkpoint());
                ASSERT_LT(segments(1).size() + segments(2).size(), before);
            }
        });
        const std::string to = "/copy of " + ending;
        ASSERT_TRUE(fs_.mkdir(to));
        HotCopy copy("/store", to, busy);
        const auto first = copy.copy_rest(applier_.applied, [&] { return applier_.applied; });
        ASSERT_TRUE(first) << first.error().message;
        EXPECT_FALSE(*first) << ending;
        const auto second = copy.copy_rest(applier_.applied, [&] { return applier_.applied; });
        ASSERT_TRUE(second) << second.error().message;
        EXPECT_TRUE(*second) << ending;
        EXPECT_EQ(texts(verify(to, fs_)), "");
    }
}

TEST_F(HotCopyOfLarge, ends_when_a_segment_is_missing_in_the_source) {
    put(1);
    ASSERT_EQ(segments(1).size(), 1U);
    ASSERT_TRUE(fs_.unlink(segments(1).front()));
    HotCopy copy("/store", "/copy", fs_);
    for (const bool is_done : {false, true}) {
        const auto copied = copy.copy_rest(applier_.applied, [&] { return applier_.applied; });
        ASSERT_TRUE(copied) << copied.error().message;
        EXPECT_EQ(*copied, is_done);
    }
    EXPECT_NE(texts(verify("/copy", fs_)), "");
}

// A file that is sealed, and that a start goes on with, because the checkpoint is older than its end.
TEST(HotCopy, copies_a_segment_again_that_was_sealed_after_the_checkpoint) {
    io::SimulatedFileSystem fs;
    core::ManualClock clock{TimestampMs(1'700'000'000'000)};
    TestApplier applier;
    ASSERT_TRUE(fs.mkdir("/"));
    for (const bool is_sealed_again : {false, true}) {
        SCOPED_TRACE(is_sealed_again);
        Options options = TestNode::small_options();
        options.directory = is_sealed_again ? "/sealed" : "/open";
        const std::string to = options.directory + "-copy";
        ASSERT_TRUE(fs.mkdir(to));
        applier.applied = Lsn(0);
        std::optional<TestNode> node;
        node.emplace(fs, clock, applier, options);
        ASSERT_TRUE(node->is_open());
        ASSERT_TRUE(node->command("create 1"));
        const auto put = [&](int count) {
            for (int i = 0; i < count; ++i) ASSERT_TRUE(node->append(1, {std::string(1000, 'x')}));
        };
        put(2);
        ASSERT_TRUE(node->checkpoint());
        put(20);
        ASSERT_TRUE(node->flusher.process());
        HotCopy copy(options.directory, to, fs);
        ASSERT_TRUE(copy.copy_segments());
        node.reset();
        options.segment_bytes *= 2;
        node.emplace(fs, clock, applier, options);
        ASSERT_TRUE(node->is_open());
        put(is_sealed_again ? 40 : 1);
        ASSERT_TRUE(node->checkpoint());
        const auto copied = copy.copy_rest(applier.applied, [&] { return applier.applied; });
        ASSERT_TRUE(copied) << copied.error().message;
        ASSERT_TRUE(*copied);
        EXPECT_EQ(texts(verify(to, fs)), "");
    }
}

TEST(HotCopy, passes_over_what_is_not_the_logs) {
    io::SimulatedFileSystem fs;
    core::ManualClock clock{TimestampMs(1'700'000'000'000)};
    TestApplier applier;
    ASSERT_TRUE(fs.mkdir("/"));
    ASSERT_TRUE(fs.mkdir("/copy"));
    TestNode node(fs, clock, applier);
    ASSERT_TRUE(node.command("create 1"));
    ASSERT_TRUE(node.append(1, {"record"}));
    ASSERT_TRUE(node.checkpoint());
    for (const char* folder : {"/store/data/lost+found", "/store/data/0/lost+found"}) ASSERT_TRUE(fs.mkdir(folder));
    for (const char* file : {"/store/data/note", "/store/data/0/note", "/store/data/lost+found/#1", "/store/data/ab"}) {
        ASSERT_TRUE(fs.open(file, {.mode = io::OpenMode::create}));
    }
    std::vector<std::string> listed;
    BusyFileSystem watched(fs, [&](const std::string& path) { listed.push_back(path); });
    HotCopy copy("/store", "/copy", watched);
    ASSERT_TRUE(copy.copy_segments());
    const auto copied = copy.copy_rest(applier.applied, [&] { return applier.applied; });
    ASSERT_TRUE(copied) << copied.error().message;
    EXPECT_TRUE(*copied);
    EXPECT_EQ(texts(verify("/copy", fs)), "");
    for (const std::string& path : listed) {
        EXPECT_EQ(path.find("note"), std::string::npos) << path;
        EXPECT_EQ(path.find("lost"), std::string::npos) << path;  // only root may read it
    }
}

TEST(HotCopy, of_no_store_is_refused) {
    io::SimulatedFileSystem fs;
    ASSERT_TRUE(fs.mkdir("/"));
    ASSERT_TRUE(fs.mkdir("/empty"));
    ASSERT_TRUE(fs.mkdir("/copy"));
    const auto copied = HotCopy("/empty", "/copy", fs).copy_rest(Lsn(0), [] { return Lsn(0); });
    ASSERT_FALSE(copied);
    EXPECT_EQ(copied.error().fault, OpenFault::configuration);
}

TEST(HotCopy, reports_a_disk_that_fails) {
    io::SimulatedFileSystem fs;
    core::ManualClock clock{TimestampMs(1'700'000'000'000)};
    TestApplier applier;
    ASSERT_TRUE(fs.mkdir("/"));
    ASSERT_TRUE(fs.mkdir("/copy"));
    TestNode node(fs, clock, applier);
    ASSERT_TRUE(node.command("create 1"));
    ASSERT_TRUE(node.append(1, {"record"}));
    for (const int error : {ENOSPC, EIO, EMFILE}) {
        HotCopy copy("/store", "/copy", fs);
        fs.fail_call("*", 1, error);
        const auto copied = copy.copy_rest(Lsn(0), [] { return Lsn(0); });
        ASSERT_FALSE(copied) << error;
        EXPECT_EQ(copied.error().fault, OpenFault::io);
        fs.clear_failures();
    }
    HotCopy copy("/store", "/copy", fs);
    const auto copied = copy.copy_rest(Lsn(0), [] { return Lsn(0); });
    ASSERT_TRUE(copied) << copied.error().message;
    EXPECT_TRUE(*copied);
}

}  // namespace
}  // namespace riacho::log
