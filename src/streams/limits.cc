#include "streams/limits.h"

#include <algorithm>

namespace riacho::streams {
namespace {

constexpr double mebibyte = 1 << 20;
// A rate of n a second, with a bucket for one second.
constexpr TokenRate each_second(double n) { return {.per_second = n, .burst = n}; }

constexpr TokenRate write_bytes_rate = each_second(mebibyte);
constexpr TokenRate write_records_rate = each_second(1'000);
constexpr TokenRate read_bytes_rate = each_second(2 * mebibyte);
constexpr double calls_per_second = 5;

// AWS: calls per second and account (spec 2.1); data-plane calls (rate 0) are limited by shard instead.
double rate_of(std::string_view operation) {
    static const std::map<std::string_view, double> others = {{"PutRecord", 0},
                                                              {"PutRecords", 0},
                                                              {"GetRecords", 0},
                                                              {"GetShardIterator", 0},
                                                              {"SubscribeToShard", 0},
                                                              {"ListShards", 1'000},
                                                              {"DescribeStream", 10},
                                                              {"UpdateShardCount", 10},
                                                              {"DescribeStreamSummary", 20},
                                                              {"DescribeLimits", 1},
                                                              {"DescribeStreamConsumer", 20},
                                                              {"ReceiveQueueRecords", 0},
                                                              {"AcknowledgeQueueRecords", 0}};
    const auto found = others.find(operation);
    return found == others.end() ? calls_per_second : found->second;
}

// The next sweep runs when the number of entries has doubled, so that sweeps cost little.
template <class Map, class IsIdle>
void forget_idle(Map& map, std::size_t& kept_max, std::size_t many, IsIdle is_idle) {
    if (map.size() < kept_max) return;
    std::erase_if(map, [&](const auto& entry) { return is_idle(entry.second); });
    kept_max = std::max(many, 2 * map.size());
}

}  // namespace

Limits::ShardBuckets& Limits::Stripe::shard(std::uint64_t uid, MonotonicNs now) {
    forget_idle(shards, kept_max, many, [now](const ShardBuckets& buckets) { return buckets.is_idle(now); });
    return shards[uid];
}

bool Limits::write(std::uint64_t shard_uid, std::size_t bytes, MonotonicNs now) {
    if (!enforced_) return true;
    Stripe& stripe = stripe_of(shard_uid);
    const MutexLock lock(stripe.mutex);
    ShardBuckets& shard = stripe.shard(shard_uid, now);
    const auto size = static_cast<double>(bytes);
    if (!shard.write_records.take(write_records_rate, 1, now)) return false;
    // A record larger than one second's bytes puts the bucket into debt, for which later records wait.
    return size > write_bytes_rate.burst ? shard.write_bytes.take_into_debt(write_bytes_rate, size, now)
                                         : shard.write_bytes.take(write_bytes_rate, size, now);
}

bool Limits::begin_read(std::uint64_t shard_uid, MonotonicNs now) {
    if (!enforced_) return true;
    Stripe& stripe = stripe_of(shard_uid);
    const MutexLock lock(stripe.mutex);
    ShardBuckets& shard = stripe.shard(shard_uid, now);
    return shard.read_bytes.take_into_debt(read_bytes_rate, 0, now) &&
           shard.read_calls.take(each_second(calls_per_second), 1, now);
}

void Limits::charge_read(std::uint64_t shard_uid, std::size_t bytes, MonotonicNs now) {
    if (!enforced_) return;
    Stripe& stripe = stripe_of(shard_uid);
    const MutexLock lock(stripe.mutex);
    static_cast<void>(
        stripe.shard(shard_uid, now).read_bytes.take_into_debt(read_bytes_rate, static_cast<double>(bytes), now));
}

bool Limits::get_iterator(std::uint64_t shard_uid, MonotonicNs now) {
    if (!enforced_) return true;
    Stripe& stripe = stripe_of(shard_uid);
    const MutexLock lock(stripe.mutex);
    return stripe.shard(shard_uid, now).iterator_calls.take(each_second(calls_per_second), 1, now);
}

bool Limits::call(std::string_view account, std::string_view region, std::string_view operation, MonotonicNs now) {
    if (!enforced_) return true;
    const double rate = rate_of(operation);
    if (rate == 0) return true;
    std::string key(account);
    key.append("/").append(region).append("/").append(operation);
    const MutexLock lock(calls_mutex_);
    forget_idle(calls_, calls_kept_max_, many, [now](const TokenBucket& bucket) { return bucket.is_idle(now); });
    return calls_[std::move(key)].take(each_second(rate), 1, now);
}

bool Limits::has_daily(std::uint64_t stream_uid, std::string_view operation, std::size_t max, TimestampMs now) {
    if (!enforced_) return true;
    constexpr std::int64_t day_ms = 24LL * 3'600'000;
    const MutexLock lock(calls_mutex_);
    const auto found = daily_.find({stream_uid, std::string(operation)});
    if (found == daily_.end()) return true;
    std::deque<TimestampMs>& times = found->second;
    while (!times.empty() && times.front().value() <= now.value() - day_ms) times.pop_front();
    return times.size() < max;
}

void Limits::count_daily(std::uint64_t stream_uid, std::string_view operation, TimestampMs now) {
    if (!enforced_) return;
    const MutexLock lock(calls_mutex_);
    daily_[{stream_uid, std::string(operation)}].push_back(now);
}

std::size_t Limits::size() {
    std::size_t count = 0;
    for (Stripe& stripe : stripes_) {
        const MutexLock lock(stripe.mutex);
        count += stripe.shards.size();
    }
    const MutexLock lock(calls_mutex_);
    return count + calls_.size();
}

}  // namespace riacho::streams
