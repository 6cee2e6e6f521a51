#include "log/shard_watch.h"

#include <utility>

#include "core/runtime.h"
#include "log/record_log.h"

namespace riacho::log {

struct ShardWatch::Entry final : core::Wakeup {
    void run() noexcept override {
        if (is_dropped) {
            delete this;
            return;
        }
        has_run = true;
        // The callback may destroy the watch, and with it this entry.
        const std::function<void()> call = std::move(ready);
        call();
    }
    Waiter waiter;
    std::function<void()> ready;
    bool has_run = false;
    bool is_dropped = false;
};

std::unique_ptr<ShardWatch> ShardWatch::arm(RecordLog& log, core::Core& core, ShardUid shard, SeqIx seen,
                                            std::function<void()> ready) {
    auto entry = std::make_unique<Entry>();
    entry->ready = std::move(ready);
    entry->waiter.core = &core;
    entry->waiter.wakeup = entry.get();
    if (!log.arm(shard, seen, entry->waiter)) return nullptr;
    return std::unique_ptr<ShardWatch>(new ShardWatch(log, entry.release()));
}

ShardWatch::~ShardWatch() {
    if (entry_->has_run || log_.disarm(entry_->waiter)) {
        delete entry_;
    } else {
        entry_->is_dropped = true;
    }
}

}  // namespace riacho::log
