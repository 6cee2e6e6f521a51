// The walk over a data directory that changes meanwhile.
#include "server/disk_usage.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>

namespace riacho::server {
namespace {

namespace fs = std::filesystem;

class DiskUsageWalk : public testing::Test {
protected:
    void SetUp() override {
        std::string pattern = (fs::temp_directory_path() / "riacho-disk-usage-XXXXXX").string();
        ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
        directory_ = pattern;
        for (int shard = 0; shard < shards; ++shard) write("data/0/" + std::to_string(shard) + "/segment");
        write("buckets/b/a/object");
        write("catalog.sqlite");
    }
    void TearDown() override { fs::remove_all(directory_); }

    void write(const std::string& name) const {
        fs::create_directories((directory_ / name).parent_path());
        std::ofstream(directory_ / name) << std::string(5'000, 'x');
    }

    static constexpr int shards = 9;
    static constexpr std::uint64_t file_bytes_min = 5'000;
    fs::path directory_;
};

TEST_F(DiskUsageWalk, counts_parts_and_shards) {
    DiskUsage::Figures figures;
    ASSERT_TRUE(DiskUsage::walk(directory_.string(), std::atomic<bool>(false), figures));
    EXPECT_EQ(figures.by_shard.size(), std::size_t{shards});
    EXPECT_GE(figures.by_shard[3], file_bytes_min);
    EXPECT_EQ(figures.parts["data"], shards * figures.by_shard[3]);
    EXPECT_EQ(figures.parts["buckets"], figures.by_shard[3]);
    EXPECT_EQ(figures.parts["catalog"], figures.by_shard[3]);
    EXPECT_EQ(figures.parts["journal"], 0U);
}

TEST_F(DiskUsageWalk, ends_when_the_server_stops) {
    DiskUsage::Figures figures;
    EXPECT_FALSE(DiskUsage::walk(directory_.string(), std::atomic<bool>(true), figures));
    EXPECT_TRUE(figures.by_shard.empty());
}

TEST_F(DiskUsageWalk, a_folder_that_vanishes_hides_no_other) {
    std::atomic<bool> is_done = false;
    std::thread changes([&] {
        while (!is_done) {
            for (int i = 0; i < 50; ++i) fs::create_directories(directory_ / "data/0" / ("gone-" + std::to_string(i)));
            for (int i = 0; i < 50; ++i) fs::remove_all(directory_ / "data/0" / ("gone-" + std::to_string(i)));
        }
    });
    for (int i = 0; i < 1'000; ++i) {
        DiskUsage::Figures figures;
        EXPECT_TRUE(DiskUsage::walk(directory_.string(), std::atomic<bool>(false), figures));
        EXPECT_EQ(figures.by_shard.size(), std::size_t{shards});
        if (HasFailure()) break;
    }
    is_done = true;
    changes.join();
}

}  // namespace
}  // namespace riacho::server
