#include "server/memory_plan.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <numeric>

namespace riacho::server {
namespace {

constexpr std::size_t mib = std::size_t{1} << 20;

// A directory with the files that a process in a control group finds below "/".
class Root {
public:
    Root() {
        std::string name = (std::filesystem::temp_directory_path() / "riacho-root-XXXXXX").string();
        path_ = ::mkdtemp(name.data());
    }
    ~Root() { std::filesystem::remove_all(path_); }
    Root(const Root&) = delete;
    Root& operator=(const Root&) = delete;

    void write(const std::string& file, std::string_view text) const {
        const std::filesystem::path path = path_ + file;
        std::filesystem::create_directories(path.parent_path());
        std::ofstream(path) << text << "\n";
    }
    [[nodiscard]] MemoryLimit detect() const { return detect_memory_limit(path_); }

private:
    std::string path_;
};

TEST(MemoryLimit, version_2_is_the_smallest_of_the_group_and_its_ancestors) {
    const Root root;
    root.write("/proc/self/cgroup", "0::/system.slice/riacho.service");
    root.write("/proc/self/mountinfo",
               "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate");
    root.write("/sys/fs/cgroup/system.slice/riacho.service/memory.max", "max");
    EXPECT_EQ(root.detect().source, "half of the RAM");
    root.write("/sys/fs/cgroup/system.slice/riacho.service/memory.max", "805306368");
    EXPECT_EQ(root.detect().bytes, 768 * mib);
    root.write("/sys/fs/cgroup/system.slice/memory.max", "536870912");
    EXPECT_EQ(root.detect().bytes, 512 * mib);
    EXPECT_EQ(root.detect().source, "/sys/fs/cgroup/system.slice/memory.max");
    root.write("/sys/fs/cgroup/system.slice/riacho.service/memory.high", "402653184");
    EXPECT_EQ(root.detect().bytes, 384 * mib);
}

TEST(MemoryLimit, version_1_is_read_from_the_memory_hierarchy) {
    const Root root;
    root.write("/proc/self/cgroup", "5:cpu,cpuacct:/a\n4:memory:/docker/0123\n0::/");
    root.write("/proc/self/mountinfo",
               "31 23 0:27 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu,cpuacct\n"
               "32 23 0:28 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
               "33 23 0:29 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw");
    root.write("/sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712");
    root.write("/sys/fs/cgroup/memory/docker/memory.limit_in_bytes", "9223372036854771712");
    root.write("/sys/fs/cgroup/memory/docker/0123/memory.limit_in_bytes", "536870912");
    EXPECT_EQ(root.detect().bytes, 512 * mib);
    EXPECT_EQ(root.detect().source, "/sys/fs/cgroup/memory/docker/0123/memory.limit_in_bytes");
}

// A container sees its own group as the root of the mount, but may read the host's path of the group.
TEST(MemoryLimit, a_container_finds_its_group_at_the_mount_point) {
    const Root root;
    root.write("/proc/self/cgroup", "4:memory:/docker/0123");
    root.write("/proc/self/mountinfo", "32 23 0:28 /docker/0123 /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory");
    root.write("/sys/fs/cgroup/memory/memory.limit_in_bytes", "536870912");
    EXPECT_EQ(root.detect().bytes, 512 * mib);
}

TEST(MemoryLimit, without_a_control_group_it_is_half_of_the_ram) {
    const Root root;
    EXPECT_EQ(root.detect().source, "half of the RAM");
    EXPECT_GT(root.detect().bytes, 128 * mib);
}

std::size_t sum(const MemoryPlan& plan) {
    return std::accumulate(plan.shares.begin(), plan.shares.end(), plan.cached_bytes_max + plan.queue_bytes_max);
}

// The memory that clients can fill, the process's own and a fifth for the allocator are within the limit.
TEST(MemoryPlan, the_shares_fit_into_the_limit) {
    for (const std::size_t limit : {512 * mib, 768 * mib, 1024 * mib, 4096 * mib, 65536 * mib}) {
        for (const std::size_t cores : {1UL, 2UL, 4UL}) {
            EXPECT_LE(sum(plan_memory(limit, cores, 0)), limit / 5 * 4 - 32 * mib) << limit << " " << cores;
        }
    }
    EXPECT_LE(sum(plan_memory(256 * mib, 2, 0)), 230 * mib);
}

TEST(MemoryPlan, the_largest_request_and_the_largest_read_fit_into_the_smallest_node) {
    const MemoryPlan plan = plan_memory(0, 64, 0);
    const auto share = [&](core::MemoryUse use) { return plan.shares[static_cast<std::size_t>(use)]; };
    EXPECT_GT(share(core::MemoryUse::large_bodies), 16 * mib + 64);
    EXPECT_GE(share(core::MemoryUse::replies), 15 * mib);
    EXPECT_GE(share(core::MemoryUse::reads), 11 * mib);
    EXPECT_GE(plan.queue_bytes_max, 16 * mib);
    EXPECT_GE(plan.cached_bytes_max, plan.cache_bytes + 16 * mib);
}

TEST(MemoryPlan, a_cache_that_was_asked_for_is_at_most_half) {
    EXPECT_EQ(plan_memory(1024 * mib, 2, 300 * mib).cache_bytes, 300 * mib);
    EXPECT_LE(plan_memory(1024 * mib, 2, 900 * mib).cache_bytes, 400 * mib);
    EXPECT_EQ(plan_memory(65536 * mib, 4, 4096 * mib).cache_bytes, 4096 * mib);
}

}  // namespace
}  // namespace riacho::server
