// HostHealth: what is known of the servers and buckets that files go to, so that one that is down is asked by one batch
// at a time, and everybody hears when it is back.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/mutex.h"
#include "base/time.h"
#include "core/fwd.h"

namespace riacho::firehose {

// Thread-safe. A place is a server, or a bucket of one.
class HostHealth {
public:
    explicit HostHealth(core::Rng& rng) : rng_(rng) {}

    // Whether an attempt may be made now; else when to ask again. While a place is down, whoever is let in is the one
    // that tries it, and has to tell how it went.
    [[nodiscard]] std::optional<TimestampMs> blocked_until(std::string_view place, TimestampMs now);
    // How an attempt went that was let in. True: the place had failed before and is back.
    bool succeeded(std::string_view place);
    // It was not made.
    void let_go(std::string_view place);
    // first_gap_ms: how long to wait at least before the next attempt; it doubles with each failure in a row, up to two
    // minutes. Returns the time before which the same batch should not be tried again. AWS: the gaps are not known
    // (spec 14.1); these are those of its HTTP endpoints.
    TimestampMs failed(std::string_view place, TimestampMs now, std::int64_t first_gap_ms,
                       std::optional<std::int64_t> retry_after_ms);

    struct Shown {
        std::string place;
        std::uint32_t failures = 0;
    };
    // The places that fail at the moment.
    [[nodiscard]] std::vector<Shown> failing() const;

private:
    struct Place {
        std::uint32_t failures = 0;  // in a row
        TimestampMs failing_since;
        TimestampMs next_try;
        bool is_tried = false;  // somebody is trying it
        TimestampMs tried_at;
    };
    static constexpr std::uint32_t down_after = 5;
    static constexpr std::int64_t down_after_ms = 60'000;
    static constexpr std::size_t many = 1'000;  // places; from so many on, old ones are swept out

    [[nodiscard]] static bool is_down(const Place& place, TimestampMs now) {
        return place.failures >= down_after ||
               (place.failures > 0 && now.value() - place.failing_since.value() >= down_after_ms);
    }

    core::Rng& rng_;
    mutable Mutex mutex_;
    std::map<std::string, Place, std::less<>> places_ GUARDED_BY(mutex_);  // those that fail
};

}  // namespace riacho::firehose
