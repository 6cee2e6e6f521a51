// Watches the rate at which a body moves, from a client or to one.
#pragma once

#include <cstdint>
#include <optional>
#include <utility>

#include "base/time.h"
#include "http/message.h"
#include "http/server.h"

namespace riacho::http::detail {

// After a grace period the average over each window must reach the minimum rate; idle time and total time are limited.
class RateWatch {
public:
    // pace: the limits; those of the server's options if absent.
    void begin(MonotonicNs now, const ServerOptions& options, const std::optional<Pace>& pace) {
        pace_ =
            pace.value_or(Pace{.total_ms = options.body_timeout_ms, .idle_ms = 0, .rate_min = options.body_rate_min});
        last_ns_ = now.value();
        began_ns_ = window_ns_ = now.value();
        received_ = window_received_ = seen_ = 0;
        in_grace_ = true;
    }
    void add(std::size_t n) { received_ += n; }
    [[nodiscard]] std::uint64_t received() const { return received_; }
    // Call it regularly: the limits are kept as exactly as the interval of the calls.
    bool is_too_slow(MonotonicNs now, const ServerOptions& options) {
        const std::int64_t total_ms = (now.value() - began_ns_) / 1'000'000;
        if (pace_.total_ms > 0 && total_ms > pace_.total_ms) return true;
        if (std::exchange(seen_, received_) != received_) last_ns_ = now.value();
        if (pace_.idle_ms > 0 && (now.value() - last_ns_) / 1'000'000 > pace_.idle_ms) return true;
        const std::int64_t elapsed_ms = (now.value() - window_ns_) / 1'000'000;
        if (elapsed_ms < (in_grace_ ? options.body_grace_ms : options.body_rate_window_ms)) return false;
        const auto wanted = static_cast<std::uint64_t>(pace_.rate_min * elapsed_ms / 1000);
        if (!in_grace_ && received_ - window_received_ < wanted) return true;
        in_grace_ = false;
        window_ns_ = now.value();
        window_received_ = received_;
        return false;
    }

private:
    Pace pace_;
    std::uint64_t seen_ = 0;
    std::int64_t last_ns_ = 0;  // when a call last found new bytes
    std::int64_t began_ns_ = 0;
    std::int64_t window_ns_ = 0;
    std::uint64_t received_ = 0;
    std::uint64_t window_received_ = 0;
    bool in_grace_ = true;
};

// RateWatch for a streamed body: counts only the time in which its reader waited for the client.
class StreamWatch {
public:
    void begin(MonotonicNs now, const ServerOptions& options, const std::optional<Pace>& pace) {
        pace_ =
            pace.value_or(Pace{.total_ms = options.body_timeout_ms, .idle_ms = 0, .rate_min = options.body_rate_min});
        began_ns_ = now.value();
    }
    // The reader begins to wait; at idle_at_ns the wait ends even if nothing arrived.
    void begin_wait(MonotonicNs now, std::int64_t idle_at_ns) {
        waiting_ = true;
        idle_at_ns_ = idle_at_ns;
        if (idle_since_ns_ == 0) idle_since_ns_ = now.value();
        wait_from_ns_ = now.value();
    }
    void end_wait(MonotonicNs now) {
        if (std::exchange(waiting_, false)) waited_ns_ += now.value() - wait_from_ns_;
    }
    void add(std::size_t n) {
        window_received_ += n;
        idle_since_ns_ = 0;
    }
    [[nodiscard]] bool is_waiting() const { return waiting_; }
    // Whether the wait has lasted until idle_at_ns.
    [[nodiscard]] bool is_idle(MonotonicNs now) const { return waiting_ && now.value() >= idle_at_ns_; }
    // Call it regularly.
    bool is_too_slow(MonotonicNs now, const ServerOptions& options) {
        constexpr std::int64_t ns_per_ms = 1'000'000;
        if (!waiting_) return false;
        if (pace_.total_ms > 0 && now.value() - began_ns_ > pace_.total_ms * ns_per_ms) return true;
        if (pace_.idle_ms > 0 && now.value() - idle_since_ns_ > pace_.idle_ms * ns_per_ms) return true;
        const std::int64_t waited_ms = (waited_ns_ + now.value() - wait_from_ns_) / ns_per_ms;
        if (waited_ms < (in_grace_ ? options.body_grace_ms : options.body_rate_window_ms)) return false;
        const auto wanted = static_cast<std::uint64_t>(pace_.rate_min * waited_ms / 1000);
        if (!in_grace_ && window_received_ < wanted) return true;
        in_grace_ = false;
        waited_ns_ = 0;
        wait_from_ns_ = now.value();
        window_received_ = 0;
        return false;
    }

private:
    Pace pace_;
    std::int64_t began_ns_ = 0;
    std::int64_t idle_since_ns_ = 0;  // start of the wait for the next byte; 0: no wait since the last byte
    std::int64_t wait_from_ns_ = 0;
    std::int64_t idle_at_ns_ = INT64_MAX;
    std::int64_t waited_ns_ = 0;  // in this window, without the current wait
    std::uint64_t window_received_ = 0;
    bool waiting_ = false;
    bool in_grace_ = true;
};

// Watches holders of memory from a scarce share. A client that transfers too little to free its memory within
// ServerOptions::scarce_span_ms is disconnected in favour of waiting requests.
class PaceWatch {
public:
    void begin(MonotonicNs now, std::uint64_t moved) {
        window_ns_ = now.value();
        window_moved_ = moved;
    }
    // Call it regularly, scarce or not. moved: a running count of bytes; held: bytes of memory held from the share.
    bool is_too_slow(MonotonicNs now, std::uint64_t moved, std::uint64_t held, const ServerOptions& options) {
        const std::int64_t elapsed_ms = (now.value() - window_ns_) / 1'000'000;
        if (elapsed_ms < options.scarce_grace_ms) return false;
        const auto span_ms = static_cast<std::uint64_t>(options.scarce_span_ms);
        const bool slow = (moved - window_moved_) * span_ms < held * static_cast<std::uint64_t>(elapsed_ms);
        begin(now, moved);
        return slow;
    }

private:
    std::int64_t window_ns_ = 0;
    std::uint64_t window_moved_ = 0;
};

}  // namespace riacho::http::detail
