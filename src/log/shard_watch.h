// ShardWatch: a callback when there is something new in a shard; a Waiter that may be dropped at any moment.
#pragma once

#include <functional>
#include <memory>

#include "core/fwd.h"
#include "log/fwd.h"
#include "log/types.h"

namespace riacho::log {

// Used on one core, where it is also destroyed: then the callback does not run any more. Destroyed before the log.
class ShardWatch {
public:
    // Calls ready() once, on `core`, when the shard's visible end lies beyond `seen`, or the shard is closed or
    // dropped. Null, and ready() is not called, when that is so already, or the shard is unknown.
    static std::unique_ptr<ShardWatch> arm(RecordLog& log, core::Core& core, ShardUid shard, SeqIx seen,
                                           std::function<void()> ready);
    // Also inside ready().
    ~ShardWatch();
    ShardWatch(const ShardWatch&) = delete;
    ShardWatch& operator=(const ShardWatch&) = delete;

private:
    struct Entry;
    ShardWatch(RecordLog& log, Entry* entry) : log_(log), entry_(entry) {}

    RecordLog& log_;
    Entry* entry_;  // deletes itself when the log has woken it and nobody waits any more
};

}  // namespace riacho::log
