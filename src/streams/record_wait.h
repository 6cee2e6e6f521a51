// Waiting for new records in one or several shards.
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

// A place in a shard from which on somebody has not read.
struct ShardPosition {
    std::uint64_t shard_uid = 0;
    log::SeqIx next;
};

// Waits for records in one or several shards. Lives on one core, and longer than a wait that is under way.
class RecordWait {
public:
    RecordWait(log::RecordLog& log, core::Core& core) : log_(log), core_(core), timer_(core) {}
    RecordWait(const RecordWait&) = delete;
    RecordWait& operator=(const RecordWait&) = delete;

    // Until the visible end of one of the shards lies beyond the position, one is closed or dropped, interrupt() is
    // called, or the time is over; the caller reads to learn which. Returns at once for a shard that is closed already.
    Task<void> wait(std::span<const ShardPosition> positions, std::int64_t timeout_ms);
    // On the core. Nothing when no wait is under way.
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
    // The entries that the log may still wake, and one for the wait itself; the coroutine goes on at 0.
    std::size_t pending_ = 0;
    core::Wakeup* waiting_ = nullptr;
    bool finished_ = true;
};

}  // namespace riacho::streams
