// StreamMetrics: the CloudWatch metrics of each stream (data-streams spec section 7), exposed at /metrics.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/metrics.h"

namespace riacho::streams {

using Counter = std::atomic<std::uint64_t>;

// The metrics of one consumer of enhanced fan-out. All members are thread-safe.
struct ConsumerCounters {
    Counter subscribe_success{0};
    Counter subscribe_refused{0};
    Counter event_success{0};
    Counter event_bytes{0};
    Counter event_records{0};
    Counter millis_behind{0};  // of the newest event
};

// The metrics of one shard, as enabled by EnableEnhancedMonitoring. All members are thread-safe.
struct ShardCounters {
    Counter incoming_bytes{0};
    Counter incoming_records{0};
    Counter outgoing_bytes{0};
    Counter outgoing_records{0};
    Counter write_throttled{0};
    Counter read_throttled{0};
    Counter iterator_age_ms{0};
};

// The metrics of one stream. All members are thread-safe.
struct StreamCounters {
    std::string account;
    std::string region;
    std::string stream;

    Counter incoming_bytes{0};
    Counter incoming_records{0};
    Counter put_record_bytes{0};
    Counter put_record_success{0};
    Counter put_record_failure{0};
    core::Histogram put_record_latency;
    Counter put_records_bytes{0};
    Counter put_records_success{0};
    Counter put_records_failure{0};
    Counter put_records_total{0};
    Counter put_records_successful{0};
    Counter put_records_failed{0};
    Counter put_records_throttled{0};
    core::Histogram put_records_latency;
    Counter get_records_bytes{0};
    Counter get_records_records{0};
    Counter get_records_success{0};
    Counter get_records_failure{0};
    core::Histogram get_records_latency;
    Counter iterator_age_ms{0};  // of the newest GetRecords call's last record; 0 at the tip
    Counter read_throttled{0};
    Counter write_throttled{0};

    // A bit for each metric that is counted and shown by shard, in the order of the API's names.
    std::atomic<std::uint8_t> shard_metrics{0};

    // Created at the first call; valid as long as this object.
    ConsumerCounters& consumer(std::string_view name);
    [[nodiscard]] std::vector<std::pair<std::string, const ConsumerCounters*>> all_consumers() const;
    // Created at the first call; nullptr while no metric is enabled by shard.
    ShardCounters* shard(std::int32_t index);
    [[nodiscard]] std::vector<std::pair<std::int32_t, const ShardCounters*>> all_shards() const;

private:
    mutable std::mutex mutex_;
    std::map<std::string, std::unique_ptr<ConsumerCounters>, std::less<>> consumers_;
    std::map<std::int32_t, std::unique_ptr<ShardCounters>> shards_;
};

inline void add(Counter& counter, std::uint64_t n) { counter.fetch_add(n, std::memory_order_relaxed); }

// Finds and owns the counters of streams. Thread-safe; takes no lock once a thread has used a stream's counters, until
// the next forget().
class StreamMetrics {
public:
    StreamMetrics();
    // uid is never reused, so a re-created stream starts at zero. The counters of a forgotten stream are not exposed.
    std::shared_ptr<StreamCounters> of(std::uint64_t uid, std::string_view account, std::string_view region,
                                       std::string_view stream);
    // Ends the metrics of a deleted stream; the memory is freed with the last call that uses it.
    void forget(std::uint64_t uid);
    void collect(core::MetricsWriter& writer) const;

private:
    // Requires mutex_.
    void collect_shards(core::MetricsWriter& writer) const;

    const std::uint64_t id_;  // distinguishes this object's entries in the per-thread caches
    mutable std::mutex mutex_;
    std::unordered_map<std::uint64_t, std::shared_ptr<StreamCounters>> shown_;
    // Streams of the newest calls of forget(): operations in progress must not expose them again.
    std::deque<std::uint64_t> forgotten_;
    // Counts the calls of forget(): a change invalidates the per-thread caches.
    std::atomic<std::uint64_t> generation_{0};
};

}  // namespace riacho::streams
