#include "core/work_pool.h"

#include <utility>

#include "core/memory_release.h"
#include "core/thread.h"

namespace riacho::core {
namespace {

constexpr std::int64_t release_delay_ms = 2'000;

}  // namespace

Expected<void, PoolError> WorkPool::submit(std::function<void()> work) {
    const MutexLock lock(mutex_);
    if (stopping_) return fail(PoolError::stopping);
    // Idle threads that have not yet taken the queued work.
    const std::size_t free_threads = idle_ + (options_.threads_max - threads_.size());
    if (queue_.size() >= options_.queue_max + free_threads) {
        ++refused_;
        return fail(PoolError::full);
    }
    queue_.push_back(std::move(work));
    if (idle_ < queue_.size() && threads_.size() < options_.threads_max) {
        threads_.emplace_back([this] { run(); });
    } else {
        more_.notify_one();
    }
    return {};
}

void WorkPool::stop() {
    std::vector<std::thread> threads;
    {
        const MutexLock lock(mutex_);
        stopping_ = true;
        threads.swap(threads_);
        more_.notify_all();
    }
    for (std::thread& thread : threads) thread.join();
}

WorkPool::Stats WorkPool::stats() const {
    const MutexLock lock(mutex_);
    return {.threads = threads_.size(), .queued = queue_.size(), .refused = refused_};
}

void WorkPool::run() {
    begin_thread(options_.name.c_str());
    if (options_.gives_way) give_way();
    mutex_.lock();
    for (;;) {
        ++idle_;
        if (!stopping_ && queue_.empty() && !more_.wait_for_ms(mutex_, release_delay_ms) && queue_.empty()) {
            // Memory that was allocated on this thread and freed on others.
            mutex_.unlock();
            release_free_memory();
            mutex_.lock();
        }
        while (!stopping_ && queue_.empty()) more_.wait(mutex_);
        --idle_;
        if (queue_.empty()) break;
        {
            const auto work = std::move(queue_.front());
            queue_.pop_front();
            mutex_.unlock();
            work();
        }
        mutex_.lock();
    }
    mutex_.unlock();
}

}  // namespace riacho::core
