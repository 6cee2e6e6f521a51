// WorkPool: threads for work that must not run on a core because it blocks or computes for long.
#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "base/mutex.h"
#include "base/result.h"

namespace riacho::core {

enum class PoolError : std::uint8_t {
    full,     // queue_max pieces of work are waiting
    stopping  // stop() was called
};

// Owned by the composition root or by a component; the cores that run_on() goes back to outlive it. Thread-safe.
class WorkPool {
public:
    struct Options {
        std::string name;             // of its threads and in its metrics; at most 15 characters
        std::size_t threads_max = 1;  // threads are started on demand
        std::size_t queue_max = 0;    // pieces of work that may wait while all threads are busy
        bool gives_way = false;       // when processors are short, to threads that serve requests
    };
    explicit WorkPool(Options options) : options_(std::move(options)) {}
    // Waits for the submitted work.
    ~WorkPool() { stop(); }
    WorkPool(const WorkPool&) = delete;
    WorkPool& operator=(const WorkPool&) = delete;

    // Runs work on one of the threads, in the order of submission; an error if it is refused. work must not throw. A
    // caller that needs the result on a core uses run_on() (core/run_on.h).
    [[nodiscard]] Expected<void, PoolError> submit(std::function<void()> work);
    // Refuses new work, finishes the submitted work and ends the threads. Idempotent; blocking; not to be called on the
    // pool's own threads.
    void stop();

    struct Stats {
        std::size_t threads = 0;
        std::size_t queued = 0;
        std::uint64_t refused = 0;  // because the queue was full
    };
    [[nodiscard]] Stats stats() const;
    [[nodiscard]] const std::string& name() const { return options_.name; }

private:
    void run();

    const Options options_;
    mutable Mutex mutex_;
    Condition more_;
    std::deque<std::function<void()>> queue_ GUARDED_BY(mutex_);
    std::vector<std::thread> threads_ GUARDED_BY(mutex_);
    std::size_t idle_ GUARDED_BY(mutex_) = 0;
    std::uint64_t refused_ GUARDED_BY(mutex_) = 0;
    bool stopping_ GUARDED_BY(mutex_) = false;
};

}  // namespace riacho::core
