// The throughput and rate limits of AWS, for those who want to see their clients meet them (--limits=aws). Off, one's
// own machine is the limit.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "base/mutex.h"
#include "base/time.h"
#include "base/token_bucket.h"

namespace riacho::streams {

// Thread-safe. AWS: data-streams spec 2.1 (rates of calls) and 4.9 (throughput of shards).
class Limits {
public:
    explicit Limits(bool enforced) : enforced_(enforced) {}

    [[nodiscard]] bool enforced() const { return enforced_; }

    // A record of so many bytes (key and data) into a shard.
    bool write(std::uint64_t shard_uid, std::size_t bytes, MonotonicNs now);
    // A GetRecords call; what it returned is charged afterwards and delays the next.
    bool begin_read(std::uint64_t shard_uid, MonotonicNs now);
    void charge_read(std::uint64_t shard_uid, std::size_t bytes, MonotonicNs now);
    bool get_iterator(std::uint64_t shard_uid, MonotonicNs now);
    // A call of the control plane, by account, region and operation.
    bool call(std::string_view account, std::string_view region, std::string_view operation, MonotonicNs now);

    // Whether a stream's operation has succeeded fewer than `max` times in the last 24 hours, and one more success.
    // Forgotten by a restart.
    bool has_daily(std::uint64_t stream_uid, std::string_view operation, std::size_t max, TimestampMs now);
    void count_daily(std::uint64_t stream_uid, std::string_view operation, TimestampMs now);

    // Accounts' operations and shards that it remembers.
    [[nodiscard]] std::size_t size();

private:
    // Callers choose the region, and shards come and go: from so many on, idle ones are looked for.
    static constexpr std::size_t many = 1'000;

    struct ShardBuckets {
        TokenBucket write_bytes;
        TokenBucket write_records;
        TokenBucket read_bytes;
        TokenBucket read_calls;
        TokenBucket iterator_calls;
        [[nodiscard]] bool is_idle(MonotonicNs now) const {
            return write_bytes.is_idle(now) && write_records.is_idle(now) && read_bytes.is_idle(now) &&
                   read_calls.is_idle(now) && iterator_calls.is_idle(now);
        }
    };
    struct Stripe {
        Mutex mutex;
        std::unordered_map<std::uint64_t, ShardBuckets> shards GUARDED_BY(mutex);
        std::size_t kept_max GUARDED_BY(mutex) = many;

        ShardBuckets& shard(std::uint64_t uid, MonotonicNs now) REQUIRES(mutex);
    };
    static constexpr std::size_t stripe_count = 16;

    Stripe& stripe_of(std::uint64_t uid) { return stripes_[uid % stripe_count]; }

    const bool enforced_;
    std::array<Stripe, stripe_count> stripes_;
    Mutex calls_mutex_;
    std::map<std::string, TokenBucket, std::less<>> calls_ GUARDED_BY(calls_mutex_);
    std::size_t calls_kept_max_ GUARDED_BY(calls_mutex_) = many;
    std::map<std::pair<std::uint64_t, std::string>, std::deque<TimestampMs>> daily_ GUARDED_BY(calls_mutex_);
};

}  // namespace riacho::streams
