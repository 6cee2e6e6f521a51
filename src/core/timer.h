// Timer: a one-shot timer on a core, which keeps Asio out of headers.
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
    // `expired` will not run after this call.
    void cancel();

private:
    struct Impl;
    std::shared_ptr<Impl> impl_;
};

// Completes after ms milliseconds, on the core it was called on. For a sleep that can be cut short see core::Alarm.
Task<void> sleep(Core& core, std::int64_t ms);
// Lets every handler run that is queued on the core by now. For loops that have no other suspension point.
Task<void> yield(Core& core);

}  // namespace riacho::core
