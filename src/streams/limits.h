// Limits: AWS's throughput and rate limits, for tests of clients that run into them (--limits=aws). When off, no limit
// applies.
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

    // Admits a record of `bytes` bytes (key and data) for a shard.
    bool write(std::uint64_t shard_uid, std::size_t bytes, MonotonicNs now);
    // Admits a GetRecords call; its result is charged afterwards by charge_read() and delays the next call.
    bool begin_read(std::uint64_t shard_uid, MonotonicNs now);
    void charge_read(std::uint64_t shard_uid, std::size_t bytes, MonotonicNs now);
    bool get_iterator(std::uint64_t shard_uid, MonotonicNs now);
    // Admits a call of the control plane, by account, region and operation.
    bool call(std::string_view account, std::string_view region, std::string_view operation, MonotonicNs now);

    // Whether a stream's operation has succeeded fewer than `max` times in the last 24 hours; and the count of a
    // further success. Forgotten at a restart.
    bool has_daily(std::uint64_t stream_uid, std::string_view operation, std::size_t max, TimestampMs now);
    void count_daily(std::uint64_t stream_uid, std::string_view operation, TimestampMs now);

    // The number of buckets of operations and shards.
    [[nodiscard]] std::size_t size();

private:
    // Clients choose the region, and shards come and go: from this number of buckets on, idle buckets are deleted.
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
