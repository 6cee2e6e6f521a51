// Waiters: coroutines on any core that wait until something happens to a stream.
#pragma once

#include <cstdint>
#include <vector>

#include "base/mutex.h"
#include "core/alarm.h"
#include "core/fwd.h"
#include "core/task_fwd.h"

namespace riacho::video {

// Thread-safe. Outlives every entry.
class Waiters {
public:
    // A waiting coroutine, in its frame. Made before the condition is evaluated, so that no notification is missed:
    //   for (Waiters::Entry entry(waiters, core); !condition();) co_await entry.wait(1'000);
    class Entry {
    public:
        Entry(Waiters& waiters, core::Core& core) : waiters_(waiters), alarm_(core) { waiters_.add(alarm_); }
        ~Entry() { waiters_.remove(alarm_); }
        Entry(const Entry&) = delete;
        Entry& operator=(const Entry&) = delete;
        // Returns after notify(), or when the time is over.
        Task<void> wait(std::int64_t ms);

    private:
        Waiters& waiters_;
        core::Alarm alarm_;
    };

    void notify();
    [[nodiscard]] bool empty() const;

private:
    void add(core::Alarm& alarm);
    void remove(core::Alarm& alarm);

    mutable Mutex mutex_;
    std::vector<core::Alarm*> alarms_ GUARDED_BY(mutex_);
};

}  // namespace riacho::video
