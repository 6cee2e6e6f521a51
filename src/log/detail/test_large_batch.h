// Shared by the tests of large batches: a node on a simulated disk, and the records that were written to it.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "log/detail/test_node.h"
#include "log/verify.h"

namespace riacho::log::detail {

using io::SimulatedFileSystem;

inline constexpr std::size_t large = 7000;

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

}  // namespace riacho::log::detail
