#include "core/alarm.h"

#include <atomic>
#include <utility>

#include "base/check.h"
#include "core/runtime.h"
#include "core/task.h"
#include "core/timer.h"

namespace riacho::core {

struct Alarm::Impl {
    explicit Impl(Core& c) : core(c), timer(c) {}

    // Ends the sleep under way, if there is one.
    void end(bool is_over) {
        if (sleeper == nullptr) return;
        timer.cancel();
        time_is_over = is_over;
        std::exchange(sleeper, nullptr)->run();
    }

    Core& core;
    std::atomic<bool> woken{false};  // since the last sleep ended
    // The core's:
    Timer timer;
    Wakeup* sleeper = nullptr;
    bool time_is_over = false;
};

Alarm::Alarm(Core& core) : impl_(std::make_shared<Impl>(core)) {}
Alarm::~Alarm() { RIACHO_CHECK(impl_->sleeper == nullptr, "an alarm was destroyed under a sleeper"); }

Task<bool> Alarm::sleep(std::int64_t ms) {
    const std::shared_ptr<Impl> impl = impl_;
    impl->time_is_over = false;
    if (!impl->woken) {
        co_await suspend([&](Wakeup& wakeup) {
            impl->sleeper = &wakeup;
            impl->timer.start(ms, [impl] { impl->end(true); });
        });
    }
    // Whatever was done before the wake-up is seen by the caller after it.
    impl->woken.exchange(false);
    co_return impl->time_is_over;
}

void Alarm::wake() {
    // The others find that somebody rings already.
    if (impl_->woken.exchange(true)) return;
    post(impl_->core, [impl = impl_] {
        // Unless a sleep that found it on its way has consumed it.
        if (impl->woken) impl->end(false);
    });
}

}  // namespace riacho::core
