// ShardWatch: a callback for new records of a shard; unlike a Waiter it may be destroyed at any moment.
#pragma once

#include <functional>
#include <memory>

#include "core/fwd.h"
#include "log/fwd.h"
#include "log/types.h"

namespace riacho::log {

// Used and destroyed on one core; after the destruction the callback does not run. Destroyed before the log.
class ShardWatch {
public:
    // Calls ready() once, on `core`, when the shard's visible end lies beyond `seen`, or the shard is closed or
    // dropped. Returns null, and never calls ready(), when one of these holds already or the shard is unknown.
    static std::unique_ptr<ShardWatch> arm(RecordLog& log, core::Core& core, ShardUid shard, SeqIx seen,
                                           std::function<void()> ready);
    // May be called inside ready().
    ~ShardWatch();
    ShardWatch(const ShardWatch&) = delete;
    ShardWatch& operator=(const ShardWatch&) = delete;

private:
    struct Entry;
    ShardWatch(RecordLog& log, Entry* entry) : log_(log), entry_(entry) {}

    RecordLog& log_;
    Entry* entry_;  // deletes itself if the log wakes it after the destructor
};

}  // namespace riacho::log
