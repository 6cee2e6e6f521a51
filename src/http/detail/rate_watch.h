// Watches how fast a body moves: from a client, or to one.
#pragma once

#include <cstdint>

#include "base/time.h"
#include "http/server.h"

namespace riacho::http::detail {

// After a grace the average over each window must reach the minimum, and the whole must not take too long.
class RateWatch {
public:
    void begin(MonotonicNs now) {
        began_ns_ = window_ns_ = now.value();
        received_ = window_received_ = 0;
        in_grace_ = true;
    }
    void add(std::size_t n) { received_ += n; }
    [[nodiscard]] std::uint64_t received() const { return received_; }
    // To be asked from time to time.
    bool is_too_slow(MonotonicNs now, const ServerOptions& options) {
        const std::int64_t total_ms = (now.value() - began_ns_) / 1'000'000;
        if (total_ms > options.body_timeout_ms) return true;
        const std::int64_t elapsed_ms = (now.value() - window_ns_) / 1'000'000;
        if (elapsed_ms < (in_grace_ ? options.body_grace_ms : options.body_rate_window_ms)) return false;
        const auto wanted = static_cast<std::uint64_t>(options.body_rate_min * elapsed_ms / 1000);
        if (!in_grace_ && received_ - window_received_ < wanted) return true;
        in_grace_ = false;
        window_ns_ = now.value();
        window_received_ = received_;
        return false;
    }

private:
    std::int64_t began_ns_ = 0;
    std::int64_t window_ns_ = 0;
    std::uint64_t received_ = 0;
    std::uint64_t window_received_ = 0;
    bool in_grace_ = true;
};

// Watches what holds a part of a scarce share. A client that moves nothing for a moment, or so little that it would
// hold the memory for long, makes way for those who wait.
class PaceWatch {
public:
    void begin(MonotonicNs now, std::uint64_t moved) {
        window_ns_ = now.value();
        window_moved_ = moved;
    }
    // To be asked from time to time, scarce or not. moved: bytes since any moment; held: what is held of the share.
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
