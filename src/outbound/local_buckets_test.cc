#include "outbound/local_buckets.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <future>

#include <gtest/gtest.h>
#include "core/runtime.h"
#include "core/task.h"
#include "core/work_pool.h"
#include "io/file_system.h"
#include "io/simulated.h"
#include "outbound/local_name.h"

namespace riacho::outbound {
namespace {

using ports::MemoryBody;
using ports::StoreFault;
using PutResult = Expected<void, ports::StoreError>;

// A body that is not in memory, and that can be lost.
class ReadBody final : public ports::Body {
public:
    ReadBody(std::string text, std::size_t lost_at) : memory_(text), lost_at_(lost_at) {}
    [[nodiscard]] std::uint64_t size() const override { return memory_.size(); }
    [[nodiscard]] const Sha256& sha256() const override { return memory_.sha256(); }
    [[nodiscard]] std::optional<std::span<const std::string_view>> pieces() const override { return std::nullopt; }
    Task<Expected<std::size_t, ports::BodyLost>> read(core::Core& core, std::uint64_t at,
                                                      MutableByteSpan out) const override {
        if (at >= lost_at_) co_return fail(ports::BodyLost{"the spool is gone"});
        co_return co_await memory_.read(core, at, out);
    }

private:
    MemoryBody memory_;
    std::size_t lost_at_;
};

class LocalBucketsTest : public testing::Test {
protected:
    LocalBucketsTest() : runtime_(1), pool_({.name = "files", .threads_max = 1, .queue_max = 16}) { runtime_.start(); }
    ~LocalBucketsTest() override {
        pool_.stop();
        runtime_.stop();
    }

    PutResult put(LocalBuckets& buckets, std::string key, std::shared_ptr<const ports::Body> body,
                  ports::PutOptions options = {}) {
        std::promise<PutResult> done;
        core::spawn(runtime_.core(0), [&]() -> Task<void> {
            ports::ObjectName name{.bucket = "b", .key = key};
            done.set_value(co_await buckets.put(runtime_.core(0), std::move(name), body, options));
        });
        return done.get_future().get();
    }
    PutResult put(LocalBuckets& buckets, std::string key, std::string_view text, ports::PutOptions options = {}) {
        return put(buckets, std::move(key), std::make_shared<MemoryBody>(text), std::move(options));
    }
    // Written in three parts before it has a name.
    PutResult draft(LocalBuckets& buckets, std::string key, std::string_view text, ports::PutOptions options = {}) {
        std::promise<PutResult> done;
        core::spawn(runtime_.core(0), [&]() -> Task<void> {
            const ports::ObjectName name{.bucket = "b", .key = key};
            const auto draft = buckets.make_draft(name);
            const std::size_t third = text.size() / 3;
            for (const std::size_t at : {std::size_t{0}, third, 2 * third}) {
                std::vector<Buffer> pieces;
                pieces.emplace_back(text.substr(at, at == 2 * third ? std::string_view::npos : third));
                if (!co_await draft->write(runtime_.core(0), std::move(pieces))) break;
            }
            done.set_value(co_await draft->finish(runtime_.core(0), options));
        });
        return done.get_future().get();
    }
    PutResult store(bool as_draft, LocalBuckets& buckets, std::string key, std::string_view text) {
        return as_draft ? draft(buckets, std::move(key), text) : put(buckets, std::move(key), text);
    }
    static std::size_t temporaries(const io::SimulatedFileSystem& fs) {
        const auto paths = fs.paths();
        return static_cast<std::size_t>(std::ranges::count_if(
            paths, [](const std::string& path) { return path.starts_with("/data/buckets/.riacho-tmp/"); }));
    }
    static std::string text_of(const io::SimulatedFileSystem& fs, const std::string& path) {
        const auto content = fs.content(path);
        return content ? std::string(as_text(*content)) : "(none)";
    }
    static std::unique_ptr<io::SimulatedFileSystem> disk() {
        auto fs = std::make_unique<io::SimulatedFileSystem>();
        EXPECT_TRUE(fs->mkdir("/data"));
        EXPECT_TRUE(fs->sync_directory("/"));
        return fs;
    }

    core::Runtime runtime_;
    core::WorkPool pool_;
};

TEST(LocalName, a_key_becomes_names_that_lead_nowhere_else_and_comes_back) {
    const std::vector<std::pair<std::string, std::string>> cases{
        {"2026/07/x-1.gz", "2026/07/x-1.gz"},
        {"year=2026/a b", "year=2026/a b"},
        {"../../etc/passwd", "%2E./%2E./etc/passwd"},
        {"./.x/..", "%2E/%2Ex/%2E."},
        {"/leading", "%/leading"},
        {"a//b/", "a/%/b/%"},
        {"100%\\\n\x7f", "100%25%5C%0A%7F"},
        {"\xC3\xA9t\xC3\xA9", "\xC3\xA9t\xC3\xA9"},
        {std::string(250, 'x'), std::string(200, 'x') + "%+/" + std::string(50, 'x')},
        {std::string(200, 'x') + "/.", std::string(200, 'x') + "/%2E"},
    };
    for (const auto& [key, path] : cases) {
        auto names = local_names("b", key).value();
        ASSERT_EQ(names.front(), "b");
        names.erase(names.begin());
        std::string joined;
        for (const std::string& name : names) joined += (joined.empty() ? "" : "/") + name;
        EXPECT_EQ(joined, path);
        EXPECT_EQ(key_of_local_names(names), key);
    }
    EXPECT_EQ(local_names("..", "k").value().front(), "%2E.");
    EXPECT_FALSE(local_names("b", std::string(1'025, 'x')));
    EXPECT_FALSE(local_names("b", std::string("a\0b", 3)));
    EXPECT_FALSE(local_names("b", ""));
    EXPECT_FALSE(key_of_local_names({"a", "..", "b"}));
    EXPECT_FALSE(key_of_local_names({"a%+"}));
}

TEST_F(LocalBucketsTest, objects_are_files_and_replace_what_was_there) {
    std::string root = testing::TempDir() + "riacho-buckets-XXXXXX";
    ASSERT_NE(mkdtemp(root.data()), nullptr);
    LocalBuckets buckets(io::posix_file_system(), root + "/buckets", pool_);
    ASSERT_TRUE(put(buckets, "a/b", "one"));
    ASSERT_TRUE(put(buckets, "a/b", "two"));
    // A folder whose name an object needs, and an object whose name a folder needs.
    ASSERT_TRUE(put(buckets, "a", "beside its folder"));
    ASSERT_TRUE(put(buckets, "a/b/c", "below an object"));
    const std::string large(3 << 20, 'x');
    ASSERT_TRUE(put(buckets, "large", std::make_shared<ReadBody>(large, SIZE_MAX)));
    const auto read = [&](const std::string& path) {
        const auto bytes = io::read_file(io::posix_file_system(), root + "/buckets/b/" + path, 4 << 20);
        return bytes ? std::string(as_text(*bytes)) : "(none)";
    };
    EXPECT_EQ(read("a%"), "beside its folder");
    EXPECT_EQ(read("a/b%"), "two");
    EXPECT_EQ(read("a/b/c"), "below an object");
    EXPECT_EQ(read("large"), large);

    const auto exists = put(buckets, "a/b", "three", {.if_absent = true});
    ASSERT_FALSE(exists);
    EXPECT_EQ(exists.error().fault, StoreFault::exists);
    EXPECT_EQ(read("a/b%"), "two");
    const auto lost = put(buckets, "lost", std::make_shared<ReadBody>(large, 1 << 20));
    ASSERT_FALSE(lost);
    EXPECT_EQ(lost.error().fault, StoreFault::body_lost);

    // Somebody removes the folders while the server runs.
    std::filesystem::remove_all(root + "/buckets");
    EXPECT_TRUE(put(buckets, "a/b/c", "again"));
    EXPECT_EQ(read("a/b/c"), "again");
    EXPECT_TRUE(std::filesystem::is_empty(root + "/buckets/.riacho-tmp"));
    std::filesystem::remove_all(root);
}

TEST_F(LocalBucketsTest, a_draft_is_seen_when_it_is_finished_and_nothing_is_left_of_one_that_is_not) {
    auto fs = disk();
    LocalBuckets buckets(*fs, "/data/buckets", pool_);
    std::promise<void> written;
    core::spawn(runtime_.core(0), [&]() -> Task<void> {
        const ports::ObjectName name{.bucket = "b", .key = "p/k"};
        const auto draft = buckets.make_draft(name);
        std::vector<Buffer> pieces;
        pieces.emplace_back("half of it");
        EXPECT_TRUE(co_await draft->write(runtime_.core(0), std::move(pieces)));
        EXPECT_EQ(text_of(*fs, "/data/buckets/b/p/k"), "(none)");
        written.set_value();
    });
    written.get_future().get();
    EXPECT_TRUE(draft(buckets, "p/k", "the whole"));
    EXPECT_EQ(text_of(*fs, "/data/buckets/b/p/k"), "the whole");
    EXPECT_EQ(temporaries(*fs), 0U);

    const auto exists = draft(buckets, "p/k", "another one", {.if_absent = true});
    ASSERT_FALSE(exists);
    EXPECT_EQ(exists.error().fault, StoreFault::exists);
    const auto rejected = draft(buckets, std::string(1'025, 'k'), "another one");
    ASSERT_FALSE(rejected);
    EXPECT_EQ(rejected.error().fault, StoreFault::rejected);
    EXPECT_TRUE(draft(buckets, "p/empty", ""));
    EXPECT_EQ(text_of(*fs, "/data/buckets/b/p/empty"), "");
    EXPECT_EQ(temporaries(*fs), 0U);
}

TEST_F(LocalBucketsTest, power_that_fails_anywhere_leaves_a_whole_object_or_none) {
    const std::string text = std::string(1'500, 'n') + 'm';
    for (std::uint64_t run = 2;; ++run) {
        const std::uint64_t change = run / 2;
        const bool as_draft = run % 2 != 0;
        auto fs = disk();
        {
            LocalBuckets before(*fs, "/data/buckets", pool_);
            ASSERT_TRUE(put(before, "p/replaced", "old"));
        }
        fs->power_off_at_change(change);
        bool first = false;
        bool second = false;
        {
            LocalBuckets buckets(*fs, "/data/buckets", pool_);
            first = store(as_draft, buckets, "p/replaced", text).has_value();
            second = store(as_draft, buckets, "q/new", text).has_value();
        }
        const bool was_off = fs->is_off();
        for (const std::uint64_t seed : {1U, 2U, 3U, 4U}) {
            const auto after = fs->clone();
            after->crash({.kind = io::CrashPolicy::Kind::random, .seed = seed + change * 16});
            const std::string replaced = text_of(*after, "/data/buckets/b/p/replaced");
            EXPECT_TRUE(replaced == text || (!first && replaced == "old")) << change << ' ' << replaced.size();
            const std::string created = text_of(*after, "/data/buckets/b/q/new");
            EXPECT_TRUE(created == text || (!second && created == "(none)")) << change << ' ' << created.size();
            LocalBuckets again(*after, "/data/buckets", pool_);
            EXPECT_TRUE(store(as_draft, again, "q/new", text));
            EXPECT_EQ(text_of(*after, "/data/buckets/b/q/new"), text);
            EXPECT_EQ(temporaries(*after), 0U);
        }
        // A draft makes more changes.
        if (!was_off && as_draft) break;
        ASSERT_LT(change, 100);
    }
}

// A renamed file is not durable before its folder is synced: an attempt that finds it there has to sync.
TEST_F(LocalBucketsTest, an_object_that_is_there_already_is_durable_when_that_is_told) {
    auto fs = disk();
    LocalBuckets buckets(*fs, "/data/buckets", pool_);
    ASSERT_TRUE(put(buckets, "p/before", "makes the folders"));
    fs->fail_call("sync_directory", 1, EIO);
    ASSERT_FALSE(put(buckets, "p/k", "text"));
    const auto again = put(buckets, "p/k", "text", {.if_absent = true});
    ASSERT_FALSE(again);
    EXPECT_EQ(again.error().fault, StoreFault::exists);
    fs->crash({.kind = io::CrashPolicy::Kind::lose_all});
    EXPECT_EQ(text_of(*fs, "/data/buckets/b/p/k"), "text");
}

// Once it is read, keeps the only thread of a pool busy and its queue full.
class CrowdingBody final : public ports::Body {
public:
    explicit CrowdingBody(core::WorkPool& pool) : pool_(pool) {}
    [[nodiscard]] std::uint64_t size() const override { return 4; }
    [[nodiscard]] const Sha256& sha256() const override { return hash_; }
    [[nodiscard]] std::optional<std::span<const std::string_view>> pieces() const override { return {}; }
    Task<Expected<std::size_t, ports::BodyLost>> read(core::Core&, std::uint64_t, MutableByteSpan) const override {
        std::promise<void> began;
        EXPECT_TRUE(pool_.submit([&] {
            began.set_value();
            released.get_future().wait();
        }));
        began.get_future().wait();
        while (pool_.submit([] {})) {
        }
        co_return std::size_t{4};
    }
    mutable std::promise<void> released;

private:
    core::WorkPool& pool_;
    Sha256 hash_{};
};

TEST_F(LocalBucketsTest, a_pool_that_is_full_leaves_no_file_behind_for_long) {
    auto fs = disk();
    core::WorkPool narrow({.name = "narrow", .threads_max = 1, .queue_max = 1});
    LocalBuckets buckets(*fs, "/data/buckets", narrow);
    ASSERT_TRUE(put(buckets, "p/before", "makes the folders"));
    const auto body = std::make_shared<CrowdingBody>(narrow);
    const auto refused = put(buckets, "p/k", body);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().fault, StoreFault::slow_down);
    body->released.set_value();
    EXPECT_EQ(temporaries(*fs), 1U);
    while (!put(buckets, "p/after", "text")) {
    }
    EXPECT_EQ(temporaries(*fs), 0U);
}

TEST_F(LocalBucketsTest, what_the_machine_lacks_is_a_fault_that_passes_and_leaves_nothing_behind) {
    for (const bool as_draft : {false, true}) {
        for (const int error : {ENOSPC, EMFILE, EIO}) {
            for (std::uint64_t call = 1;; ++call) {
                auto fs = disk();
                LocalBuckets buckets(*fs, "/data/buckets", pool_);
                fs->fail_call("*", call, error);
                const auto stored = store(as_draft, buckets, "p/k", "text");
                if (fs->failed_operation().empty()) break;
                // Removing what was left over is the one call whose failure does not matter.
                if (!stored) EXPECT_EQ(stored.error().fault, error == EIO ? StoreFault::server : StoreFault::full);
                EXPECT_EQ(temporaries(*fs), 0U) << fs->failed_operation();
                fs->clear_failures();
                EXPECT_TRUE(store(as_draft, buckets, "p/k", "text again"));
                EXPECT_EQ(text_of(*fs, "/data/buckets/b/p/k"), "text again");
                ASSERT_LT(call, 100);
            }
        }
    }
}

}  // namespace
}  // namespace riacho::outbound
