#include "server/clock_keeper.h"

#include <algorithm>

#include "catalog/catalog.h"
#include "core/log.h"
#include "core/thread.h"
#include "io/file_system.h"
#include "server/clock_file.h"

namespace riacho::server {
namespace {

constexpr std::int64_t look_interval_ms = 1'000;
// After a crash at most this much of the process's time counts as a gap.
constexpr std::int64_t store_interval_ms = 600'000;
constexpr std::int64_t hour_ms = 3'600'000;

}  // namespace

void ClockKeeper::start() {
    thread_ = std::thread([this] {
        core::begin_thread("clock");
        run();
    });
}

void ClockKeeper::run() {
    const MutexLock lock(mutex_);
    while (!stopping_) {
        mutex_.unlock();
        look(false);
        mutex_.lock();
        if (!stopping_) wake_.wait_for_ms(mutex_, look_interval_ms);
    }
}

void ClockKeeper::stop() {
    if (!thread_.joinable()) return;
    {
        const MutexLock lock(mutex_);
        stopping_ = true;
        wake_.notify_one();
    }
    thread_.join();
    look(true);
}

void ClockKeeper::forget_old_gaps() {
    std::int64_t retention_ms_max = 0;
    for (const auto& stream : catalog_.snapshot()->all_streams()) {
        retention_ms_max = std::max(retention_ms_max, stream->retention_hours * hour_ms);
    }
    // The log deletes records up to an hour late (Options::retention_slack_ms).
    clock_.forget_gaps_beyond(retention_ms_max + hour_ms);
}

void ClockKeeper::look(bool is_last) {
    core::ClockRecord record = clock_.record();
    if (!record.gaps.empty()) {
        forget_old_gaps();
        record = clock_.record();
    }
    const bool is_old = record.seen.value() - stored_.seen.value() >= store_interval_ms;
    if (record.gaps == stored_.gaps && !is_old && !is_last) return;
    const std::string bytes = encode_clock_record(record);
    const auto written = io::replace_file(fs_, directory_, clock_file_name, as_bytes(bytes));
    if (written) {
        stored_ = record;
    } else if (!has_failed_) {
        // Retried every second; a full disk must not end the node for this file.
        core::log_line(core::LogLevel::warn, "clock file not written", {{"error", written.error().describe()}});
    }
    has_failed_ = !written;
}

}  // namespace riacho::server
