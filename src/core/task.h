// Included by .cc files that define and await coroutines.
#pragma once

#include <boost/asio/async_result.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <utility>

#include "core/runtime.h"
#include "core/task_fwd.h"

namespace riacho::core {

// Suspends the calling coroutine and calls start(wakeup). The receiver of the wakeup must pass it exactly once, from
// any thread, to Core::wake of the core this coroutine runs on, which resumes the coroutine. The wakeup is valid until
// then.
//
//   co_await core::suspend([&](core::Wakeup& wakeup) { log.enqueue(std::move(batch), core, wakeup); });
template <class Start>
auto suspend(Start start) {
    return boost::asio::async_initiate<const boost::asio::use_awaitable_t<>, void()>(
        [start = std::move(start)]<class Handler>(Handler handler) mutable {
            struct Pending final : Wakeup {
                Pending(Handler h) : handler(std::move(h)) {}
                Handler handler;
                void run() noexcept override {
                    Handler h = std::move(handler);
                    delete this;
                    std::move(h)();
                }
            };
            auto* pending = new Pending(std::move(handler));
            start(static_cast<Wakeup&>(*pending));
        },
        boost::asio::use_awaitable);
}

}  // namespace riacho::core
