// Returns freed memory to the operating system: from threads that have become idle, and from all threads when the
// process is near its limit. An allocator keeps freed memory for the thread that freed it, and does nothing while that
// thread sleeps.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "core/fwd.h"
#include "core/timer.h"

namespace riacho::core {

// The process's resident memory in bytes; 0 if the system does not report it.
std::size_t resident_bytes();

// Adds a function that frees a thread's caches; release_free_memory() calls it on each thread that releases memory. For
// start-up: before any thread releases.
void add_release_hook(void (*hook)());
// Calls the hooks, and makes the allocator return the free memory of the calling thread.
void release_free_memory();
// From now on freed memory goes back to the system at once, not after a delay. mimalloc examines the free pages of a 32
// MiB segment only when another block of the segment is freed: a few cached records keep all of their segments. For
// start-up of nodes whose limit is small; costs a large PutRecords a fifth of its time (docs/performance.md).
void keep_no_free_memory();

// Detects that a thread has become idle after work. Used by one thread, with calls at least a second apart.
class IdleWatch {
public:
    // True when the thread has become idle, and again at the 2nd, 4th, ... 64th idle call: other threads free blocks of
    // this one late, as the flusher does after a checkpoint. Always true while the process is near its limit.
    bool should_release();

    // Set by the component that watches resident_bytes().
    static void set_near_limit(bool is_near) { near_limit_.store(is_near, std::memory_order_relaxed); }

private:
    static std::atomic<bool> near_limit_;
    std::int64_t cpu_ns_ = 0;
    bool worked_ = false;
    unsigned idle_looks_ = 0;  // idle calls since the thread last worked
};

// Releases memory of one core, once a second. Started on any thread; destroyed after the runtime has stopped.
class IdleRelease {
public:
    // limit_bytes: the process's limit; with 0 this core does not watch the process's size, because another does.
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
