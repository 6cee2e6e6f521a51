#include "video/waiters.h"

#include "core/task.h"

namespace riacho::video {

Task<void> Waiters::Entry::wait(std::int64_t ms) { co_await alarm_.sleep(ms); }

void Waiters::notify() {
    const MutexLock guard(mutex_);
    for (core::Alarm* alarm : alarms_) alarm->wake();
}

bool Waiters::empty() const {
    const MutexLock guard(mutex_);
    return alarms_.empty();
}

void Waiters::add(core::Alarm& alarm) {
    const MutexLock guard(mutex_);
    alarms_.push_back(&alarm);
}

void Waiters::remove(core::Alarm& alarm) {
    const MutexLock guard(mutex_);
    std::erase(alarms_, &alarm);
}

}  // namespace riacho::video
