#include "server/disk_usage.h"

#include <sys/stat.h>
#include <sys/statvfs.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <optional>
#include <system_error>
#include <utility>

#include "catalog/catalog.h"
#include "core/clock.h"
#include "core/metrics.h"
#include "core/work_pool.h"
#include "server/resource_kind.h"

namespace riacho::server {
namespace {

constexpr std::int64_t space_interval_ns = 5'000'000'000;
constexpr std::int64_t walk_interval_ns = 60'000'000'000;
// A walk over very many files is repeated so rarely that it takes at most a hundredth of a thread's time.
constexpr std::int64_t walk_share = 100;
// The number of streams that are named, the largest ones; the others are one sample.
constexpr std::size_t named_max = 100;

// The part of the data directory to which a file at its top, or a folder, belongs.
std::string part_of(const std::string& name) {
    for (const char* folder : {"journal", "data", "buckets"}) {
        if (name == folder) return folder;
    }
    return name.starts_with("catalog.sqlite") ? "catalog" : "other";
}

struct Entry {
    std::uint64_t bytes = 0;  // of a regular file, on the disk
    bool is_folder = false;   // a symbolic link is none
};

Entry look_at(const std::filesystem::path& path) {
    struct stat status{};
    if (::lstat(path.c_str(), &status) != 0) return {};
    if (S_ISREG(status.st_mode)) return {static_cast<std::uint64_t>(status.st_blocks) * 512, false};
    return {0, S_ISDIR(status.st_mode)};
}

// docs/formats/segment.md: the folder's name is the shard's number.
std::optional<std::uint64_t> shard_of(const std::string& folder) {
    std::uint64_t uid = 0;
    const auto [end, fault] = std::from_chars(folder.data(), folder.data() + folder.size(), uid, 16);
    if (fault != std::errc() || end != folder.data() + folder.size()) return std::nullopt;
    return uid;
}

struct Owner {
    std::string_view kind;
    std::string_view account;
    std::string_view region;
    std::string_view name;
    std::uint64_t bytes = 0;
};

}  // namespace

void DiskUsage::refresh() {
    {
        const MutexLock lock(mutex_);
        if (is_measuring_ || clock_.monotonic() < space_due_) return;
        is_measuring_ = true;
    }
    if (pool_.submit([this] { measure(); })) return;
    const MutexLock lock(mutex_);
    is_measuring_ = false;
}

void DiskUsage::measure() {
    const MonotonicNs began = clock_.monotonic();
    Figures figures;
    bool is_due = false;
    {
        const MutexLock lock(mutex_);
        is_due = !has_figures_ || began >= walk_due_;
        if (!is_due) figures = figures_;
    }
    struct statvfs space{};
    if (::statvfs(directory_.c_str(), &space) == 0) {
        figures.disk_bytes = std::uint64_t{space.f_blocks} * space.f_frsize;
        figures.free_bytes = std::uint64_t{space.f_bavail} * space.f_frsize;
    }
    const bool is_whole = !is_due || walk(directory_, is_stopping_, figures);
    const MonotonicNs ended = clock_.monotonic();
    const MutexLock lock(mutex_);
    if (!is_whole) {
        is_measuring_ = false;
        return;
    }
    figures_ = std::move(figures);
    has_figures_ = true;
    is_measuring_ = false;
    space_due_ = ended.plus(space_interval_ns);
    if (is_due) {
        walk_due_ = ended.plus(std::max(walk_interval_ns, (ended.value() - began.value()) * walk_share));
    }
}

bool DiskUsage::walk(const std::string& directory, const std::atomic<bool>& is_stopping, Figures& figures) {
    namespace fs = std::filesystem;
    for (const char* part : {"journal", "data", "catalog", "buckets", "other"}) figures.parts[part] = 0;
    // Files and folders come and go meanwhile: what cannot be looked at is left out, and nothing else. After an error
    // an iterator is at its end.
    std::error_code ignored;
    for (fs::directory_iterator top(directory, ignored), top_end; top != top_end; top.increment(ignored)) {
        const std::string name = top->path().filename().string();
        std::uint64_t& part = figures.parts[part_of(name)];
        part += look_at(top->path()).bytes;
        std::vector<fs::path> folders;
        if (top->is_directory(ignored)) folders.push_back(top->path());
        while (!folders.empty()) {
            const fs::path folder = std::move(folders.back());
            folders.pop_back();
            const auto uid = name == "data" ? shard_of(folder.filename().string()) : std::nullopt;
            for (fs::directory_iterator file(folder, ignored), end; file != end; file.increment(ignored)) {
                if (is_stopping) return false;
                const Entry entry = look_at(file->path());
                if (entry.is_folder) folders.push_back(file->path());
                part += entry.bytes;
                if (uid && entry.bytes > 0) figures.by_shard[*uid] += entry.bytes;
            }
        }
    }
    return !is_stopping;
}

void DiskUsage::collect(core::MetricsWriter& writer) {
    using Kind = core::MetricsWriter::Kind;
    refresh();
    Figures figures;
    {
        const MutexLock lock(mutex_);
        if (!has_figures_) return;
        figures = figures_;
    }
    writer.family("riacho_disk_size_bytes", Kind::gauge, "Size of the volume of the data directory");
    writer.sample({}, figures.disk_bytes);
    writer.family("riacho_disk_free_bytes", Kind::gauge, "Free space of the volume of the data directory");
    writer.sample({}, figures.free_bytes);
    writer.family("riacho_stored_bytes", Kind::gauge, "Disk space of the data directory, by part");
    for (const auto& [part, bytes] : figures.parts) writer.sample({{"part", part}}, bytes);
    write_streams(figures, writer);
}

void DiskUsage::write_streams(const Figures& figures, core::MetricsWriter& writer) const {
    const auto snapshot = catalog_.snapshot();
    const auto streams = snapshot->all_streams();
    const auto objects = snapshot->objects();
    std::vector<Owner> owners;
    const auto add = [&](std::string_view kind, const auto& state) {
        if (state->shards.empty()) return;
        Owner owner{kind, state->account, state->region, state->name};
        for (const auto& shard : state->shards) {
            if (const auto found = figures.by_shard.find(shard.uid); found != figures.by_shard.end())
                owner.bytes += found->second;
        }
        owners.push_back(owner);
    };
    for (const auto& stream : streams) add("stream", stream);
    for (const auto& object : objects) add(name_of(object->kind), object);
    std::ranges::sort(owners, [](const Owner& a, const Owner& b) { return a.bytes > b.bytes; });
    writer.family("riacho_stream_stored_bytes", core::MetricsWriter::Kind::gauge,
                  "Disk space of records in segments, by stream; those that are not among the largest 100 together");
    std::uint64_t others = 0;
    for (std::size_t i = 0; i < owners.size(); ++i) {
        const Owner& owner = owners[i];
        if (i >= named_max) {
            others += owner.bytes;
            continue;
        }
        writer.sample(
            {{"kind", owner.kind}, {"account", owner.account}, {"region", owner.region}, {"stream", owner.name}},
            owner.bytes);
    }
    if (owners.size() > named_max) {
        writer.sample({{"kind", "others"}, {"account", ""}, {"region", ""}, {"stream", ""}}, others);
    }
}

}  // namespace riacho::server
