// Alarm: a coroutine's sleep that ends when its time is over or when a thread wakes it.
#pragma once

#include <cstdint>
#include <memory>

#include "core/fwd.h"
#include "core/task_fwd.h"

namespace riacho::core {

// For one sleeping coroutine, on the core given to the constructor, where the alarm is also destroyed; wake() may be
// called from any thread.
class Alarm {
public:
    explicit Alarm(Core& core);
    ~Alarm();
    Alarm(const Alarm&) = delete;
    Alarm& operator=(const Alarm&) = delete;

    // Returns after ms milliseconds, or soon after a wake() that came since the last sleep() returned: a wake-up is
    // never lost, and several count as one. True if the time was over.
    Task<bool> sleep(std::int64_t ms);
    // Ends the present sleep, or the next sleep at once. Does not block.
    void wake();

private:
    struct Impl;
    std::shared_ptr<Impl> impl_;
};

}  // namespace riacho::core
