// LogThrottle: limits the log lines about a lasting condition.
#pragma once

#include <cstdint>
#include <optional>

#include "base/time.h"

namespace riacho::core {

// Lets one line a minute through. Not thread-safe.
class LogThrottle {
public:
    [[nodiscard]] bool is_due(MonotonicNs now) {
        if (last_ && now.value() - last_->value() < interval_ns) return false;
        last_ = now;
        return true;
    }

private:
    static constexpr std::int64_t interval_ns = 60'000'000'000;
    std::optional<MonotonicNs> last_;
};

}  // namespace riacho::core
