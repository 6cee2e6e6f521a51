#include "http/detail/client_call.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace riacho::http::detail {
namespace {

constexpr std::int64_t ns_per_ms = 1'000'000;
// The longest span of the timer; for longer waits it is set again.
constexpr std::int64_t look_ms_max = 3'600'000;

}  // namespace

Call::Call(core::Core& core, const core::Clock& clock, const ClientRequest& request)
    : core_(core),
      clock_(clock),
      timer_(core),
      connect_ms_(request.connect_timeout_ms),
      idle_ms_(request.idle_timeout_ms) {
    const std::int64_t now = clock_.monotonic().value();
    if (request.total_timeout_ms > 0) total_by_ns_ = now + request.total_timeout_ms * ns_per_ms;
    if (idle_ms_ > 0) idle_by_ns_ = now + idle_ms_ * ns_per_ms;
    schedule();
}

void Call::begin_connect() {
    connect_by_ns_ = clock_.monotonic().value() + connect_ms_ * ns_per_ms;
    schedule();
}

void Call::schedule() {
    const std::int64_t end_ns = std::min({total_by_ns_, connect_by_ns_, idle_by_ns_});
    if (end_ns == INT64_MAX) return timer_.cancel();
    const std::int64_t left_ns = std::max<std::int64_t>(end_ns - clock_.monotonic().value(), 0);
    timer_.start(std::min(left_ns / ns_per_ms + 1, look_ms_max), [this] { look(); });
}

void Call::look() {
    const std::int64_t now = clock_.monotonic().value();
    if (now >= idle_by_ns_ && std::exchange(moves_seen_, moves_) != moves_) idle_by_ns_ = now + idle_ms_ * ns_per_ms;
    if (now >= std::min({total_by_ns_, connect_by_ns_, idle_by_ns_})) return end(End::timeout);
    schedule();
}

void Call::end(End how) {
    if (ended_ != End::none) return;
    ended_ = how;
    timer_.cancel();
    if (transport_ != nullptr) transport_->cancel_waits();
    wake();
}

Task<void> Call::ready(Transport& transport, IoState wanted) {
    if (ended_ != End::none) co_return;
    transport_ = &transport;
    co_await transport.ready(wanted);
    transport_ = nullptr;
}

Task<void> Call::pause() {
    if (ended_ != End::none) co_return;
    co_await core::suspend([this](core::Wakeup& wakeup) { paused_ = &wakeup; });
}

void Call::wake() {
    if (paused_ != nullptr) core_.wake(*std::exchange(paused_, nullptr));
}

SendError Call::error(const std::string& where) const {
    if (ended_ == End::stopped) return {SendFault::stopped, sent, fmt::format("the call to {} was stopped", where)};
    return {SendFault::timeout, sent, fmt::format("{} took too long to {}", where, sent ? "answer" : "reach")};
}

}  // namespace riacho::http::detail
