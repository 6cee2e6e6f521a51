#include "streams/record_wait.h"

#include <utility>

#include "core/task.h"

namespace riacho::streams {

void RecordWait::Entry::run() noexcept {
    armed = false;
    owner->finish();
    owner->release();
}

void RecordWait::start(std::span<const ShardPosition> positions, std::int64_t timeout_ms, core::Wakeup& wakeup) {
    waiting_ = &wakeup;
    finished_ = false;
    pending_ = 1;
    if (entries_.size() != positions.size()) entries_ = std::vector<Entry>(positions.size());
    for (std::size_t i = 0; i < positions.size(); ++i) {
        Entry& entry = entries_[i];
        entry.owner = this;
        entry.waiter.core = &core_;
        entry.waiter.wakeup = &entry;
        entry.armed = log_.arm(log::ShardUid(positions[i].shard_uid), positions[i].next, entry.waiter);
        if (!entry.armed) {
            finish();
            return;
        }
        ++pending_;
    }
    timer_.start(timeout_ms, [this] { finish(); });
}

// Disarms the entries that the log has not woken. Entries that it has woken, or is about to, still run on this core.
void RecordWait::finish() {
    if (std::exchange(finished_, true)) return;
    for (Entry& entry : entries_) {
        if (!entry.armed || !log_.disarm(entry.waiter)) continue;
        entry.armed = false;
        --pending_;
    }
    release();
}

void RecordWait::release() {
    if (--pending_ == 0) core_.wake(*std::exchange(waiting_, nullptr));
}

Task<void> RecordWait::wait(std::span<const ShardPosition> positions, std::int64_t timeout_ms) {
    co_await core::suspend([&](core::Wakeup& wakeup) { start(positions, timeout_ms, wakeup); });
    timer_.cancel();
}

}  // namespace riacho::streams
