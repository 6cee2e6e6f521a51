#include "core/disk_pool.h"

#include <chrono>
#include <utility>

#include "core/memory_release.h"
#include "core/thread.h"

namespace riacho::core {
namespace {

constexpr auto release_delay = std::chrono::seconds(2);

}  // namespace

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
        const auto is_wanted = [this] { return stopping_ || !queue_.empty(); };
        if (!more_.wait_for(lock, release_delay, is_wanted)) {
            // What was read here and freed elsewhere.
            lock.unlock();
            release_free_memory();
            lock.lock();
            more_.wait(lock, is_wanted);
        }
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
