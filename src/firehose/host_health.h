// HostHealth: the state of destination servers and buckets. A failing one is tried by one batch at a time, and all
// batches are notified when it works again.
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

    // Whether an attempt may be made now; otherwise the time to ask again. While a place fails, an admitted attempt is
    // the only one, and its result has to be reported.
    [[nodiscard]] std::optional<TimestampMs> blocked_until(std::string_view place, TimestampMs now);
    // Reports that an admitted attempt succeeded. True: the place had failed before.
    bool succeeded(std::string_view place);
    // Reports that an admitted attempt was not made.
    void let_go(std::string_view place);
    // Reports that an admitted attempt failed. first_gap_ms: the least wait before the next attempt; it doubles with
    // each failure in a row, up to two minutes. Returns the earliest time for another attempt with the same batch. AWS:
    // the gaps are not known (spec 14.1); these are those of its HTTP endpoints.
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
        bool is_tried = false;  // an attempt is in progress
        TimestampMs tried_at;
    };
    static constexpr std::uint32_t down_after = 5;
    static constexpr std::int64_t down_after_ms = 60'000;
    static constexpr std::size_t many = 1'000;  // from this number of places on, old ones are removed

    [[nodiscard]] static bool is_down(const Place& place, TimestampMs now) {
        return place.failures >= down_after ||
               (place.failures > 0 && now.value() - place.failing_since.value() >= down_after_ms);
    }

    core::Rng& rng_;
    mutable Mutex mutex_;
    std::map<std::string, Place, std::less<>> places_ GUARDED_BY(mutex_);  // failing ones only
};

}  // namespace riacho::firehose
