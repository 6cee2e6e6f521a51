// DiskPool: a few threads for calls that block on a disk, so that no core ever does.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "core/task_fwd.h"

namespace riacho::core {

// Threads start when there is first something to do. Thread-safe.
class DiskPool {
public:
    explicit DiskPool(std::size_t threads_max) : threads_max_(threads_max) {}
    // Waits for what was submitted.
    ~DiskPool() { stop(); }
    DiskPool(const DiskPool&) = delete;
    DiskPool& operator=(const DiskPool&) = delete;

    // Runs work on one of the threads, in the order of submission; on the caller's once stop was called. work must not
    // throw.
    void submit(std::function<void()> work);
    // Finishes what was submitted and ends the threads. Idempotent.
    void stop();

private:
    void run();

    const std::size_t threads_max_;
    std::mutex mutex_;
    std::condition_variable more_;
    std::deque<std::function<void()>> queue_;
    std::vector<std::thread> threads_;
    std::size_t idle_ = 0;
    bool stopping_ = false;
};

}  // namespace riacho::core
