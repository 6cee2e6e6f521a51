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

    // Ends the sleep in progress, if there is one.
    void end(bool is_over) {
        if (sleeper == nullptr) return;
        timer.cancel();
        time_is_over = is_over;
        std::exchange(sleeper, nullptr)->run();
    }

    Core& core;
    std::atomic<bool> woken{false};  // since the last sleep ended
    // Used on the core only:
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
    // The exchange makes everything done before the wake-up visible to the caller.
    impl->woken.exchange(false);
    co_return impl->time_is_over;
}

void Alarm::wake() {
    // `woken` is already set: an earlier wake() has posted the end of the sleep.
    if (impl_->woken.exchange(true)) return;
    post(impl_->core, [impl = impl_] {
        // `woken` is false again if a sleep that began meanwhile has consumed this wake-up.
        if (impl->woken) impl->end(false);
    });
}

}  // namespace riacho::core
