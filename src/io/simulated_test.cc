#include "io/simulated.h"

#include <cerrno>

#include <gtest/gtest.h>

namespace riacho::io {
namespace {

std::string text(const SimulatedFileSystem& fs, const std::string& path) {
    const auto content = fs.content(path);
    return content ? std::string(as_text(*content)) : "<none>";
}

std::unique_ptr<File> create(SimulatedFileSystem& fs, const std::string& path, bool dsync = false) {
    return fs.open(path, {.mode = OpenMode::create, .dsync = dsync}).value();
}

// A directory and a file in it, both durable.
std::unique_ptr<SimulatedFileSystem> with_file(const std::string& content) {
    auto fs = std::make_unique<SimulatedFileSystem>();
    EXPECT_TRUE(fs->mkdir("/d"));
    EXPECT_TRUE(fs->sync_directory("/"));
    const auto file = create(*fs, "/d/f");
    EXPECT_TRUE(file->pwrite(0, as_bytes(content)));
    EXPECT_TRUE(file->fdatasync());
    EXPECT_TRUE(fs->sync_directory("/d"));
    return fs;
}

TEST(SimulatedFileSystem, unsynced_bytes_are_lost_and_synced_ones_stay) {
    const auto fs = with_file("kept");
    ASSERT_TRUE(create(*fs, "/d/f")->pwrite(4, as_bytes(" lost")));
    EXPECT_EQ(text(*fs, "/d/f"), "kept lost");
    fs->crash({});
    EXPECT_EQ(text(*fs, "/d/f"), "kept");
}

TEST(SimulatedFileSystem, a_dsync_write_survives) {
    const auto fs = with_file("");
    ASSERT_TRUE(create(*fs, "/d/f", true)->pwrite(0, as_bytes("durable")));
    fs->crash({});
    EXPECT_EQ(text(*fs, "/d/f"), "durable");
}

TEST(SimulatedFileSystem, a_synced_file_without_a_synced_directory_entry_is_gone) {
    const auto fs = with_file("x");
    const auto file = create(*fs, "/d/new");
    ASSERT_TRUE(file->pwrite(0, as_bytes("y")));
    ASSERT_TRUE(file->fdatasync());
    fs->crash({});
    EXPECT_EQ(text(*fs, "/d/new"), "<none>");
    EXPECT_EQ(text(*fs, "/d/f"), "x");
}

TEST(SimulatedFileSystem, what_lies_in_an_unsynced_directory_is_gone_with_it) {
    SimulatedFileSystem fs;
    ASSERT_TRUE(fs.mkdir("/d"));
    ASSERT_TRUE(create(fs, "/d/f")->fdatasync());
    ASSERT_TRUE(fs.sync_directory("/d"));
    fs.crash({});
    EXPECT_EQ(text(fs, "/d/f"), "<none>");
}

TEST(SimulatedFileSystem, an_unsynced_rename_or_unlink_is_undone) {
    const auto fs = with_file("x");
    ASSERT_TRUE(fs->rename("/d/f", "/d/g"));
    fs->crash({});
    EXPECT_EQ(text(*fs, "/d/f"), "x");
    ASSERT_TRUE(fs->unlink("/d/f"));
    fs->crash({});
    EXPECT_EQ(text(*fs, "/d/f"), "x");
}

TEST(SimulatedFileSystem, the_last_write_is_torn_at_the_byte_asked_for) {
    for (std::size_t bytes = 0; bytes <= 5; ++bytes) {
        const auto fs = with_file("");
        const auto file = create(*fs, "/d/f");
        ASSERT_TRUE(file->pwrite(0, as_bytes("ab")));
        ASSERT_TRUE(file->pwrite(2, as_bytes("cdefg")));
        fs->crash({.kind = CrashPolicy::Kind::torn_write, .bytes = bytes});
        EXPECT_EQ(text(*fs, "/d/f"), std::string("abcdefg").substr(0, 2 + bytes));
    }
}

TEST(SimulatedFileSystem, everything_fails_once_the_power_is_off) {
    const auto fs = with_file("x");
    const auto file = create(*fs, "/d/f");
    fs->power_off_at_change(2);
    EXPECT_TRUE(file->pwrite(0, as_bytes("1")));
    EXPECT_FALSE(file->fdatasync());
    EXPECT_TRUE(fs->is_off());
    EXPECT_FALSE(fs->list("/d"));
    fs->crash({});
    EXPECT_EQ(text(*fs, "/d/f"), "x");
    EXPECT_FALSE(file->pwrite(0, as_bytes("2"))) << "a file opened before the crash came back to life";
}

TEST(SimulatedFileSystem, the_nth_call_of_an_operation_fails_as_planned) {
    const auto fs = with_file("x");
    const auto file = create(*fs, "/d/f");
    fs->fail_call("fdatasync", 2, EIO);
    EXPECT_TRUE(file->fdatasync());
    const auto failed = file->fdatasync();
    ASSERT_FALSE(failed);
    EXPECT_EQ(failed.error().error, EIO);
    EXPECT_TRUE(file->fdatasync());
}

TEST(SimulatedFileSystem, after_a_failed_sync_the_cache_lies_until_it_is_dropped) {
    const auto fs = with_file("old");
    const auto file = create(*fs, "/d/f");
    ASSERT_TRUE(file->pwrite(0, as_bytes("new")));
    fs->fail_call("fdatasync", 1, EIO);
    EXPECT_FALSE(file->fdatasync());
    EXPECT_TRUE(file->fdatasync());
    EXPECT_EQ(text(*fs, "/d/f"), "new");
    file->drop_cache();
    EXPECT_EQ(text(*fs, "/d/f"), "old");
}

TEST(SimulatedFileSystem, a_full_disk_refuses_growth_only) {
    const auto fs = with_file("1234");
    fs->set_bytes_free(2);
    const auto file = create(*fs, "/d/f");
    EXPECT_TRUE(file->pwrite(0, as_bytes("abcd")));
    const auto grown = file->pwrite(4, as_bytes("efg"));
    ASSERT_FALSE(grown);
    EXPECT_TRUE(grown.error().is_out_of_space());
}

TEST(SimulatedFileSystem, random_outcomes_repeat_with_their_seed) {
    const auto outcome = [](std::uint64_t seed) {
        const auto fs = with_file("");
        EXPECT_TRUE(create(*fs, "/d/f")->pwrite(0, as_bytes(std::string(8192, 'x'))));
        fs->crash({.kind = CrashPolicy::Kind::random, .seed = seed});
        return text(*fs, "/d/f");
    };
    EXPECT_EQ(outcome(7), outcome(7));
    EXPECT_NE(outcome(7), outcome(8));
}

TEST(ReplaceFile, leaves_the_old_or_the_new_content_at_every_crash_point) {
    for (std::uint64_t point = 1; point < 20; ++point) {
        for (std::uint64_t seed = 0; seed < 8; ++seed) {
            const auto fs = with_file("old");
            fs->power_off_at_change(point);
            const bool done = replace_file(*fs, "/d", "f", as_bytes("new content")).has_value();
            fs->crash({.kind = CrashPolicy::Kind::random, .seed = seed});
            const std::string now = text(*fs, "/d/f");
            EXPECT_TRUE(now == "new content" || (!done && now == "old")) << now << " at " << point;
            if (done) point = 20;
        }
    }
}

}  // namespace
}  // namespace riacho::io
