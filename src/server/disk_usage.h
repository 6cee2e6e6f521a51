// DiskUsage: how much of the disk is free, how much the parts of the data directory take, and how much each stream. The
// directory is walked on a thread that may block, when the metrics are asked for and the last walk is old enough.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/mutex.h"
#include "base/time.h"
#include "catalog/fwd.h"
#include "core/fwd.h"

namespace riacho::server {

// Thread-safe.
class DiskUsage {
public:
    // All outlive this; the pool is stopped before this is destroyed.
    DiskUsage(std::string directory, const catalog::Catalog& catalog, core::WorkPool& pool, core::Clock& clock)
        : directory_(std::move(directory)), catalog_(catalog), pool_(pool), clock_(clock) {}

    // Measures for the first time.
    void start() { refresh(); }
    // Ends a walk that is under way, which may take minutes, so that the pool can be stopped. Measures no more.
    void stop() { is_stopping_ = true; }
    // Writes the last measurement, and measures again if it is old.
    void collect(core::MetricsWriter& writer);

    struct Figures {
        std::uint64_t disk_bytes = 0;
        std::uint64_t free_bytes = 0;
        std::map<std::string, std::uint64_t> parts;                 // "journal", "data"...
        std::unordered_map<std::uint64_t, std::uint64_t> by_shard;  // uid of the log to bytes
    };
    // Measures the disk space of the directory: parts and by_shard. False if is_stopping became true meanwhile.
    static bool walk(const std::string& directory, const std::atomic<bool>& is_stopping, Figures& figures);

private:
    void refresh();
    void measure();
    void write_streams(const Figures& figures, core::MetricsWriter& writer) const;

    const std::string directory_;
    const catalog::Catalog& catalog_;
    core::WorkPool& pool_;
    core::Clock& clock_;
    std::atomic<bool> is_stopping_{false};
    mutable Mutex mutex_;
    Figures figures_ GUARDED_BY(mutex_);
    bool has_figures_ GUARDED_BY(mutex_) = false;
    bool is_measuring_ GUARDED_BY(mutex_) = false;
    MonotonicNs space_due_ GUARDED_BY(mutex_);
    MonotonicNs walk_due_ GUARDED_BY(mutex_);
};

}  // namespace riacho::server
