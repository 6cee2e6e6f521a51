#include "server/memory_plan.h"

#include <fmt/format.h>
#include <sys/sysinfo.h>

#include <algorithm>
#include <charconv>
#include <fstream>
#include <optional>
#include <vector>

namespace riacho::server {
namespace {

constexpr std::size_t mib = std::size_t{1} << 20;

std::vector<std::string_view> split(std::string_view text, char separator) {
    std::vector<std::string_view> parts;
    for (;;) {
        const auto end = text.find(separator);
        parts.push_back(text.substr(0, end));
        if (end == std::string_view::npos) return parts;
        text.remove_prefix(end + 1);
    }
}

std::vector<std::string> read_lines(const std::string& path) {
    std::ifstream file(path);
    std::vector<std::string> lines;
    for (std::string line; std::getline(file, line);) lines.push_back(line);
    return lines;
}

// The process's control group in a hierarchy, from /proc/self/cgroup: "ID:CONTROLLERS:PATH". Version 2 has no
// controllers.
std::optional<std::string> group_path(const std::vector<std::string>& lines, std::string_view controller) {
    for (const std::string& line : lines) {
        const auto first = line.find(':');
        const auto second = line.find(':', first + 1);
        if (first == std::string::npos || second == std::string::npos) continue;
        const auto controllers = split(std::string_view(line).substr(first + 1, second - first - 1), ',');
        if (std::ranges::find(controllers, controller) != controllers.end()) return line.substr(second + 1);
    }
    return std::nullopt;
}

struct Mount {
    std::string root;  // the group visible at the mount point
    std::string point;
};

// Parses /proc/self/mountinfo: "ID PARENT DEVICE ROOT POINT OPTIONS [TAGS...] - TYPE SOURCE SUPER_OPTIONS".
std::optional<Mount> find_mount(const std::vector<std::string>& lines, std::string_view type,
                                std::string_view super_option) {
    for (const std::string& line : lines) {
        const auto dash = line.find(" - ");
        if (dash == std::string::npos) continue;
        const auto fields = split(std::string_view(line).substr(0, dash), ' ');
        const auto rest = split(std::string_view(line).substr(dash + 3), ' ');
        if (fields.size() < 5 || rest.size() < 3 || rest[0] != type) continue;
        const auto options = split(rest[2], ',');
        if (!super_option.empty() && std::ranges::find(options, super_option) == options.end()) continue;
        return Mount{std::string(fields[3]), std::string(fields[4])};
    }
    return std::nullopt;
}

std::optional<std::size_t> read_size(const std::string& path) {
    std::ifstream file(path);
    std::string text;
    if (!(file >> text)) return std::nullopt;
    std::size_t value = 0;
    const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (ec != std::errc() || end != text.data() + text.size()) return std::nullopt;  // "max"
    return value;
}

// Reads the limits of the group's directory below the mount point, and of its ancestors up to it, which limit it as
// well.
void add_limits(const std::string& root, const Mount& mount, std::string group,
                std::initializer_list<std::string_view> files, MemoryLimit& smallest) {
    if (mount.root != "/" && group.starts_with(mount.root)) group.erase(0, mount.root.size());
    for (;;) {
        while (group.ends_with('/')) group.pop_back();
        for (const std::string_view file : files) {
            const std::string path = fmt::format("{}{}/{}", mount.point, group, file);
            const auto bytes = read_size(root + path);
            if (bytes && *bytes < smallest.bytes) smallest = {*bytes, path};
        }
        if (group.empty()) return;
        group.erase(std::min(group.rfind('/'), group.size()));
    }
}

}  // namespace

MemoryLimit detect_memory_limit(const std::string& root) {
    struct sysinfo info{};
    const std::size_t ram = ::sysinfo(&info) == 0 ? std::size_t{info.totalram} * info.mem_unit : 4096 * mib;
    MemoryLimit smallest{ram, ""};
    const auto groups = read_lines(root + "/proc/self/cgroup");
    const auto mounts = read_lines(root + "/proc/self/mountinfo");
    const auto version_1 = group_path(groups, "memory");
    const auto mount_1 = find_mount(mounts, "cgroup", "memory");
    if (version_1 && mount_1) add_limits(root, *mount_1, *version_1, {"memory.limit_in_bytes"}, smallest);
    const auto version_2 = group_path(groups, "");
    const auto mount_2 = find_mount(mounts, "cgroup2", "");
    // Above memory.high a group is slowed down until it has freed memory.
    if (version_2 && mount_2) add_limits(root, *mount_2, *version_2, {"memory.max", "memory.high"}, smallest);
    if (smallest.source.empty()) return {ram / 2, "half of the RAM"};
    return smallest;
}

MemoryPlan plan_memory(std::size_t limit, std::size_t cores, std::size_t cache_bytes) {
    limit = std::max(limit, memory_limit_min);
    // `own`: code, catalog, stacks, the buffers of each core, of the sequencer and of the flusher. A further fifth of
    // the limit is left for freed memory that the allocator holds.
    const std::size_t own = 32 * mib + std::min(cores * 6 * mib, limit / 8);
    const std::size_t usable = limit / 5 * 4 - own;
    const auto part = [](std::size_t whole, std::size_t percent, std::size_t least, std::size_t most) {
        return std::clamp(whole / 100 * percent, least, most);
    };
    MemoryPlan plan;
    // Reused memory is faster than memory that the kernel has to clear first, and live readers are seldom further
    // behind: a larger cache slows writers down (docs/performance.md).
    const std::size_t cache_default = std::min(limit / 4, 512 * mib);
    plan.cached_bytes_max = part(usable, 34, 48 * mib, 1024 * mib);
    plan.cache_bytes =
        std::min(cache_bytes == 0 ? cache_default : cache_bytes, usable / 2 - std::min(usable / 4, 64 * mib));
    if (cache_bytes == 0) plan.cache_bytes = std::min(plan.cache_bytes, plan.cached_bytes_max / 2);
    // In addition to the cache, the records of one checkpoint interval, which no checkpoint covers yet.
    plan.cached_bytes_max = std::max(plan.cached_bytes_max, plan.cache_bytes + std::min(plan.cache_bytes, 64 * mib));
    const std::size_t rest = usable - std::min(usable / 2, plan.cached_bytes_max);
    plan.queue_bytes_max = part(rest, 8, 16 * mib, 64 * mib);
    const auto set = [&](core::MemoryUse use, std::size_t bytes) {
        plan.shares[static_cast<std::size_t>(use)] = bytes;
    };
    using core::MemoryUse;
    set(MemoryUse::bodies, part(rest, 10, 8 * mib, 256 * mib));
    set(MemoryUse::large_bodies, part(rest, 15, 17 * mib, 256 * mib));
    set(MemoryUse::calls, part(rest, 14, 16 * mib, 256 * mib));
    set(MemoryUse::replies, part(rest, 13, 15 * mib, 512 * mib));
    set(MemoryUse::small_replies, part(rest, 3, 3 * mib, 64 * mib));
    set(MemoryUse::reads, part(rest, 10, 12 * mib, 256 * mib));
    set(MemoryUse::subscriptions, part(rest, 6, 6 * mib, 256 * mib));
    set(MemoryUse::queues, part(rest, 3, 4 * mib, 128 * mib));
    set(MemoryUse::media, part(rest, 7, 8 * mib, 1024 * mib));
    set(MemoryUse::deliveries, part(rest, 7, 8 * mib, 512 * mib));
    set(MemoryUse::applications, part(rest, 4, 4 * mib, 256 * mib));
    plan.event_bytes_max = std::min(plan.shares[static_cast<std::size_t>(MemoryUse::subscriptions)] / 2, 32 * mib);
    plan.buffer_kept_max = part(limit, 1, 4 * mib, 32 * mib);
    // A connection takes some 6 KiB, and 16 KiB more while a request is read from it.
    plan.connections_max = std::max<std::size_t>(usable / 8 / (20 << 10), 64);
    // A small request takes some 60 KiB while it is processed.
    plan.requests_in_progress_max = std::clamp<std::size_t>(usable / 10 / (60 << 10), 128, 10'000);
    return plan;
}

}  // namespace riacho::server
