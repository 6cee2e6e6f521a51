#include "core/disk_pool.h"

#include <utility>

#include "core/thread.h"

namespace riacho::core {

void DiskPool::submit(std::function<void()> work) {
    std::unique_lock lock(mutex_);
    if (stopping_) {
        lock.unlock();
        return work();
    }
    queue_.push_back(std::move(work));
    if (idle_ < queue_.size() && threads_.size() < threads_max_) {
        threads_.emplace_back([this] { run(); });
    } else {
        more_.notify_one();
    }
}

void DiskPool::stop() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    more_.notify_all();
    for (auto& thread : threads_) thread.join();
    threads_.clear();
}

void DiskPool::run() {
    begin_thread("disk");
    std::unique_lock lock(mutex_);
    for (;;) {
        ++idle_;
        more_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
        --idle_;
        if (queue_.empty()) return;
        const auto work = std::move(queue_.front());
        queue_.pop_front();
        lock.unlock();
        work();
        lock.lock();
    }
}

}  // namespace riacho::core
