// Gate: admits work until it is closed, then waits for the work inside. Components build their stop() on it.
#pragma once

#include <optional>
#include <utility>

#include "base/mutex.h"
#include "core/task_fwd.h"

namespace riacho::core {

// Thread-safe. Must be closed, and every pass given back, before it is destroyed.
class Gate {
public:
    // Its holder is inside the gate. Movable.
    class Pass {
    public:
        explicit Pass(Gate& gate) : gate_(&gate) {}
        Pass(Pass&& other) noexcept : gate_(std::exchange(other.gate_, nullptr)) {}
        Pass& operator=(Pass&&) = delete;
        ~Pass() {
            if (gate_ != nullptr) gate_->leave();
        }

    private:
        Gate* gate_;
    };

    Gate() = default;
    Gate(const Gate&) = delete;
    Gate& operator=(const Gate&) = delete;
    ~Gate();

    // Nothing once the gate is closed.
    [[nodiscard]] std::optional<Pass> enter();
    // Refuses every later enter(). Idempotent; does not block.
    void close();
    [[nodiscard]] bool is_closed() const;
    // Closes, and blocks until the last pass was given back: never call it on a core that holders of passes need.
    void close_and_wait();

private:
    void leave();

    mutable Mutex mutex_;
    Condition empty_;
    std::size_t inside_ GUARDED_BY(mutex_) = 0;
    bool closed_ GUARDED_BY(mutex_) = false;
};

}  // namespace riacho::core
