// A one-shot timer on a core, without Asio in sight.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "core/fwd.h"
#include "core/task_fwd.h"

namespace riacho::core {

// Used on its core only, from construction to destruction.
class Timer {
public:
    explicit Timer(Core& core);
    // Cancels.
    ~Timer();

    // Runs `expired` on the core after delay_ms, unless cancelled or started again before.
    void start(std::int64_t delay_ms, std::function<void()> expired);
    // Afterwards `expired` will not run.
    void cancel();

private:
    struct Impl;
    std::shared_ptr<Impl> impl_;
};

// Completes after so many milliseconds, on the core it was called on. One that can be cut short is core::Alarm.
Task<void> sleep(Core& core, std::int64_t ms);
// Lets everything run that is waiting for the core by now. For loops without another place to give way.
Task<void> yield(Core& core);

}  // namespace riacho::core
