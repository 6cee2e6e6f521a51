// Freed memory goes back to the operating system: from threads that have become idle, and from all when the process is
// near its limit. Allocators keep what was freed for the thread that had it, and do nothing while that thread sleeps.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "core/fwd.h"
#include "core/timer.h"

namespace riacho::core {

// The process's resident memory in bytes; 0 if the system does not tell.
std::size_t resident_bytes();

// Adds a function that frees what a thread keeps for later use; called on each thread that releases memory. For
// start-up: before any thread releases.
void add_release_hook(void (*hook)());
// Calls the hooks, and makes the allocator return what the calling thread has free.
void release_free_memory();
// From now on memory goes back to the system when it is freed, not after a while. mimalloc looks at what is free in a
// segment of 32 MiB only when something else in it is freed: a few cached records keep all of their segments. For
// start-up of nodes whose limit is small; costs a large PutRecords a fifth of its time (docs/performance.md).
void keep_no_free_memory();

// Finds the moment at which a thread has become idle after work. Used by one thread, at least a second apart.
class IdleWatch {
public:
    // True when the thread has become idle, and 2, 4, ... 64 looks later: other threads free what this one allocated
    // when they come to it, as the flusher does after a checkpoint. Always while the process is near its limit.
    bool should_release();

    // Set by whoever watches resident_bytes().
    static void set_near_limit(bool is_near) { near_limit_.store(is_near, std::memory_order_relaxed); }

private:
    static std::atomic<bool> near_limit_;
    std::int64_t cpu_ns_ = 0;
    bool worked_ = false;
    unsigned idle_looks_ = 0;  // since it worked
};

// Looks after one core, once a second. Started on any thread; destroyed after the runtime has stopped.
class IdleRelease {
public:
    // limit_bytes: with 0 the core leaves the watch of the process's size to another.
    IdleRelease(Core& core, std::size_t limit_bytes) : core_(core), limit_bytes_(limit_bytes), timer_(core) {}
    void start();

private:
    void tick();

    Core& core_;
    const std::size_t limit_bytes_;
    Timer timer_;
    IdleWatch watch_;
};

}  // namespace riacho::core
