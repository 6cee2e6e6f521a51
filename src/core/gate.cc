#include "core/gate.h"

#include "base/check.h"

namespace riacho::core {

Gate::~Gate() {
    const MutexLock lock(mutex_);
    RIACHO_CHECK(inside_ == 0, "a gate was destroyed with somebody inside");
}

std::optional<Gate::Pass> Gate::enter() {
    const MutexLock lock(mutex_);
    if (closed_) return std::nullopt;
    ++inside_;
    return std::optional<Pass>(std::in_place, *this);
}

void Gate::close() {
    const MutexLock lock(mutex_);
    closed_ = true;
}

bool Gate::is_closed() const {
    const MutexLock lock(mutex_);
    return closed_;
}

void Gate::close_and_wait() {
    const MutexLock lock(mutex_);
    closed_ = true;
    while (inside_ > 0) empty_.wait(mutex_);
}

void Gate::leave() {
    // Notifies under the lock: the thread that waits may destroy the gate as soon as the lock is released.
    const MutexLock lock(mutex_);
    if (--inside_ == 0) empty_.notify_all();
}

}  // namespace riacho::core
