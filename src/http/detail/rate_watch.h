// Watches how fast a request body arrives.
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

}  // namespace riacho::http::detail
