// Gate: lets work in until it is closed, and waits for what is inside. What a component's stop() is made of.
#pragma once

#include <optional>
#include <utility>

#include "base/mutex.h"
#include "core/task_fwd.h"

namespace riacho::core {

// Thread-safe. Must be closed, and everybody out, before it is destroyed.
class Gate {
public:
    // Whoever holds one is inside. Movable.
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
    // Nobody comes in any more. Idempotent; does not block.
    void close();
    [[nodiscard]] bool is_closed() const;
    // Closes, and blocks until the last pass was given back: never on a core that those inside need.
    void close_and_wait();

private:
    void leave();

    mutable Mutex mutex_;
    Condition empty_;
    std::size_t inside_ GUARDED_BY(mutex_) = 0;
    bool closed_ GUARDED_BY(mutex_) = false;
};

}  // namespace riacho::core
