#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>

#include <gtest/gtest.h>
#include "io/file_system.h"

namespace riacho::io {
namespace {

class PosixFileSystem : public testing::Test {
protected:
    void SetUp() override {
        std::string name = testing::TempDir() + "riacho-io-XXXXXX";
        ASSERT_NE(mkdtemp(name.data()), nullptr);
        directory_ = name;
    }
    void TearDown() override { std::filesystem::remove_all(directory_); }

    FileSystem& fs_ = posix_file_system();
    std::string directory_;
};

TEST_F(PosixFileSystem, writes_more_parts_than_one_system_call_takes) {
    const auto file = fs_.open(directory_ + "/f", {.mode = OpenMode::create}).value();
    std::vector<std::string> pieces;
    pieces.reserve(1000);
    std::string expected;
    for (int i = 0; i < 1000; ++i) {
        pieces.push_back(std::to_string(i) + (i % 7 == 0 ? "" : ","));
        expected += pieces.back();
    }
    std::vector<ByteSpan> parts;
    parts.reserve(pieces.size());
    for (const std::string& piece : pieces) parts.push_back(as_bytes(piece));
    ASSERT_TRUE(file->pwritev(10, parts));
    std::string got(expected.size() + 10, '\0');
    ASSERT_EQ(file->pread(0, std::as_writable_bytes(std::span(got))).value(), got.size());
    EXPECT_EQ(got, std::string(10, '\0') + expected);
}

TEST_F(PosixFileSystem, errors_name_the_operation_and_the_path) {
    const auto missing = fs_.open(directory_ + "/none", {});
    ASSERT_FALSE(missing);
    EXPECT_TRUE(missing.error().is_not_found());
    EXPECT_EQ(missing.error().describe(), "open " + directory_ + "/none: No such file or directory");
}

TEST_F(PosixFileSystem, a_lock_is_exclusive_until_it_is_released) {
    auto held = fs_.lock(directory_ + "/LOCK");
    ASSERT_TRUE(held);
    const auto second = fs_.lock(directory_ + "/LOCK");
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().error, EWOULDBLOCK);
    held->reset();
    EXPECT_TRUE(fs_.lock(directory_ + "/LOCK"));
}

TEST_F(PosixFileSystem, a_small_file_is_replaced_and_read_back) {
    ASSERT_TRUE(replace_file(fs_, directory_, "f", as_bytes("a long first content")));
    ASSERT_TRUE(replace_file(fs_, directory_, "f", as_bytes("short")));
    EXPECT_EQ(as_text(read_file(fs_, directory_ + "/f", 100).value()), "short");
    const auto too_long = read_file(fs_, directory_ + "/f", 4);
    ASSERT_FALSE(too_long);
    EXPECT_EQ(too_long.error().error, EFBIG);
    EXPECT_EQ(fs_.list(directory_).value().size(), 1U);
}

TEST_F(PosixFileSystem, a_directory_made_twice_is_one_directory) {
    ASSERT_TRUE(fs_.mkdir(directory_ + "/d"));
    ASSERT_TRUE(fs_.mkdir(directory_ + "/d"));
    const auto entries = fs_.list(directory_).value();
    ASSERT_EQ(entries.size(), 1U);
    EXPECT_TRUE(entries[0].is_directory);
    EXPECT_TRUE(fs_.sync_directory(directory_));
    EXPECT_TRUE(fs_.rmdir(directory_ + "/d"));
}

TEST_F(PosixFileSystem, a_held_directory_is_found_whatever_its_name_means_later) {
    const std::string path = directory_ + "/store";
    ASSERT_TRUE(fs_.mkdir(path));
    const auto held = *fs_.hold(path);
    ASSERT_TRUE(held->mkdir(path + "/sub"));
    ASSERT_TRUE(replace_file(*held, path, "before", as_bytes(std::string_view("x"))));
    const auto lock = *held->lock(path + "/LOCK");
    EXPECT_TRUE(lock->is_in_place());
    std::filesystem::rename(path, directory_ + "/moved");
    EXPECT_FALSE(lock->is_in_place());
    ASSERT_TRUE(fs_.mkdir(path));
    EXPECT_FALSE(lock->is_in_place());
    ASSERT_TRUE(replace_file(*held, path, "after", as_bytes(std::string_view("y"))));
    ASSERT_TRUE(held->rename(path + "/before", path + "/renamed"));
    ASSERT_TRUE(held->rmdir(path + "/sub"));
    ASSERT_TRUE(held->syncfs(path));
    EXPECT_GT(held->statvfs(path)->bytes_total, 0U);
    EXPECT_EQ(held->list(path)->size(), 3U);
    EXPECT_TRUE(fs_.list(path)->empty());
    EXPECT_TRUE(std::filesystem::exists(directory_ + "/moved/renamed"));
    ASSERT_TRUE(held->unlink(path + "/after"));
    EXPECT_FALSE(std::filesystem::exists(directory_ + "/moved/after"));
    // Repeated slashes make no difference.
    const auto slashes = *fs_.hold(directory_ + "/moved//");
    ASSERT_TRUE(slashes->mkdir(directory_ + "/moved//sub"));
    EXPECT_TRUE(std::filesystem::exists(directory_ + "/moved/sub"));
    // A name that only shares the prefix is another directory.
    ASSERT_TRUE(held->mkdir(path + "2"));
    EXPECT_TRUE(std::filesystem::exists(directory_ + "/store2"));
}

}  // namespace
}  // namespace riacho::io
