// RecordWait: waits for new records in one or several shards.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "core/runtime.h"
#include "core/task_fwd.h"
#include "core/timer.h"
#include "log/record_log.h"

namespace riacho::streams {

// The number of the first unread record in a shard.
struct ShardPosition {
    std::uint64_t shard_uid = 0;
    log::SeqIx next;
};

// Waits for records in one or several shards. Lives on one core, and longer than a wait in progress.
class RecordWait {
public:
    RecordWait(log::RecordLog& log, core::Core& core) : log_(log), core_(core), timer_(core) {}
    RecordWait(const RecordWait&) = delete;
    RecordWait& operator=(const RecordWait&) = delete;

    // Waits until the visible end of one of the shards lies beyond the position, a shard is closed or dropped,
    // interrupt() is called, or the timeout is over; the caller reads to find out. Returns at once for a shard that is
    // closed already.
    Task<void> wait(std::span<const ShardPosition> positions, std::int64_t timeout_ms);
    // Call it on the core. Does nothing when no wait is in progress.
    void interrupt() { finish(); }

private:
    struct Entry final : core::Wakeup {
        void run() noexcept override;
        RecordWait* owner = nullptr;
        log::Waiter waiter;
        bool armed = false;
    };

    void start(std::span<const ShardPosition> positions, std::int64_t timeout_ms, core::Wakeup& wakeup);
    void finish();
    void release();

    log::RecordLog& log_;
    core::Core& core_;
    core::Timer timer_;
    std::vector<Entry> entries_;
    // The number of entries that the log may still wake, plus one for the wait itself; at 0 the coroutine resumes.
    std::size_t pending_ = 0;
    core::Wakeup* waiting_ = nullptr;
    bool finished_ = true;
};

}  // namespace riacho::streams
