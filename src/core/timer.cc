#include "core/timer.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <utility>

#include "core/runtime.h"
#include "core/task.h"

namespace riacho::core {

struct Timer::Impl {
    explicit Impl(Core& core) : timer(core.context()) {}
    boost::asio::steady_timer timer;
    std::function<void()> expired;
    std::uint64_t round = 0;  // an expiry that was queued before a cancel belongs to an earlier round
};

Timer::Timer(Core& core) : impl_(std::make_shared<Impl>(core)) {}
Timer::~Timer() { cancel(); }

void Timer::start(std::int64_t delay_ms, std::function<void()> expired) {
    impl_->expired = std::move(expired);
    const std::uint64_t round = ++impl_->round;
    impl_->timer.expires_after(std::chrono::milliseconds(delay_ms));
    impl_->timer.async_wait([impl = impl_, round](const boost::system::error_code& error) {
        if (error || impl->round != round) return;
        const auto run = std::exchange(impl->expired, nullptr);
        run();
    });
}

void Timer::cancel() {
    ++impl_->round;
    impl_->expired = nullptr;
    impl_->timer.cancel();
}

Task<void> sleep(Core& core, std::int64_t ms) {
    Timer timer(core);
    co_await suspend([&](Wakeup& wakeup) { timer.start(ms, [&wakeup] { wakeup.run(); }); });
}

Task<void> yield(Core& core) {
    co_await suspend([&core](Wakeup& wakeup) { core.wake(wakeup); });
}

}  // namespace riacho::core
