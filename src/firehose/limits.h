// The rate limits of AWS (--limits=aws), for testing clients against them. AWS: firehose spec 1.3.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "base/mutex.h"
#include "base/time.h"

namespace riacho::firehose {

// Limits of a delivery stream per second; AWS: higher in three regions.
struct IngestLimits {
    std::uint64_t records = 0;
    std::uint64_t requests = 0;
    std::uint64_t bytes = 0;
};
IngestLimits ingest_limits(std::string_view region);

// Thread-safe.
class Limits {
public:
    explicit Limits(bool enforced) : enforced_(enforced) {}
    [[nodiscard]] bool enforced() const { return enforced_; }

    // Admits one request and as many of its records, from the first on, as the limits of this second allow; returns
    // that number. sizes: of the records, in bytes.
    template <class Sizes>
    std::size_t put(std::uint64_t uid, std::string_view region, const Sizes& sizes, MonotonicNs now) {
        const IngestLimits limits = ingest_limits(region);
        const MutexLock lock(mutex_);
        Buckets& buckets = buckets_of(uid, limits, now);
        if (buckets.requests < 1) return 0;
        std::size_t taken = 0;
        for (const std::size_t bytes : sizes) {
            if (buckets.records < 1 || buckets.bytes < static_cast<double>(bytes)) break;
            buckets.records -= 1;
            buckets.bytes -= static_cast<double>(bytes);
            ++taken;
        }
        if (taken > 0) buckets.requests -= 1;
        return taken;
    }
    // Admits a call of the control plane: five a second for each operation of an account.
    bool call(std::string_view account, std::string_view region, std::string_view operation, MonotonicNs now);

private:
    struct Buckets {
        double records = 0;
        double requests = 0;
        double bytes = 0;
        std::int64_t filled_ns = -1;
    };
    struct Calls {
        double left = 0;
        std::int64_t filled_ns = -1;
    };
    // From this number on, idle entries are removed.
    static constexpr std::size_t many = 1'000;

    Buckets& buckets_of(std::uint64_t uid, const IngestLimits& limits, MonotonicNs now) REQUIRES(mutex_);

    const bool enforced_;
    Mutex mutex_;
    std::map<std::uint64_t, Buckets> buckets_ GUARDED_BY(mutex_);
    std::map<std::string, Calls, std::less<>> calls_ GUARDED_BY(mutex_);
};

}  // namespace riacho::firehose
