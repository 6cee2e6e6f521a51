// Mutex, MutexLock and Condition: wrappers of std's types with Clang's thread-safety annotations, which libstdc++
// lacks.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>

#if defined(__clang__)
#define RIACHO_TSA(x) __attribute__((x))
#else
#define RIACHO_TSA(x)
#endif

#define GUARDED_BY(x) RIACHO_TSA(guarded_by(x))
#define REQUIRES(...) RIACHO_TSA(requires_capability(__VA_ARGS__))
#define EXCLUDES(...) RIACHO_TSA(locks_excluded(__VA_ARGS__))

namespace riacho {

class RIACHO_TSA(capability("mutex")) Mutex {
public:
    void lock() RIACHO_TSA(acquire_capability()) { mutex_.lock(); }
    void unlock() RIACHO_TSA(release_capability()) { mutex_.unlock(); }

private:
    friend class Condition;
    std::mutex mutex_;
};

class RIACHO_TSA(scoped_lockable) MutexLock {
public:
    explicit MutexLock(Mutex& mutex) RIACHO_TSA(acquire_capability(mutex)) : mutex_(mutex) { mutex_.lock(); }
    ~MutexLock() RIACHO_TSA(release_capability()) { mutex_.unlock(); }
    MutexLock(const MutexLock&) = delete;
    MutexLock& operator=(const MutexLock&) = delete;

private:
    Mutex& mutex_;
};

// Spurious wake-ups happen: wait in a loop.
class Condition {
public:
    void wait(Mutex& mutex) REQUIRES(mutex) {
        std::unique_lock lock(mutex.mutex_, std::adopt_lock);
        condition_.wait(lock);
        lock.release();
    }
    // False when the time ran out.
    bool wait_for_ms(Mutex& mutex, std::int64_t span_ms) REQUIRES(mutex) {
        std::unique_lock lock(mutex.mutex_, std::adopt_lock);
        const bool notified =
            condition_.wait_for(lock, std::chrono::milliseconds(span_ms)) == std::cv_status::no_timeout;
        lock.release();
        return notified;
    }
    void notify_one() { condition_.notify_one(); }
    void notify_all() { condition_.notify_all(); }

private:
    std::condition_variable condition_;
};

}  // namespace riacho
