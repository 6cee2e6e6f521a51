// What CloudWatch would show for each stream (data-streams spec section 7), counted here and exposed at /metrics.
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

// The figures of one consumer of enhanced fan-out. All members are thread-safe.
struct ConsumerCounters {
    Counter subscribe_success{0};
    Counter subscribe_refused{0};
    Counter event_success{0};
    Counter event_bytes{0};
    Counter event_records{0};
    Counter millis_behind{0};  // of the newest event
};

// The figures of one shard: what EnableEnhancedMonitoring asks for. All members are thread-safe.
struct ShardCounters {
    Counter incoming_bytes{0};
    Counter incoming_records{0};
    Counter outgoing_bytes{0};
    Counter outgoing_records{0};
    Counter write_throttled{0};
    Counter read_throttled{0};
    Counter iterator_age_ms{0};
};

// The figures of one stream. All members are thread-safe.
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
    Counter iterator_age_ms{0};  // of the last record the newest GetRecords call returned; 0 when it caught up
    Counter read_throttled{0};
    Counter write_throttled{0};

    // A bit for each figure that is counted and shown by shard, in the order of the API's names.
    std::atomic<std::uint8_t> shard_metrics{0};

    // Made when it is asked for first; valid as long as this object.
    ConsumerCounters& consumer(std::string_view name);
    [[nodiscard]] std::vector<std::pair<std::string, const ConsumerCounters*>> all_consumers() const;
    // The same, or nullptr as long as nothing is counted by shard.
    ShardCounters* shard(std::int32_t index);
    [[nodiscard]] std::vector<std::pair<std::int32_t, const ShardCounters*>> all_shards() const;

private:
    mutable std::mutex mutex_;
    std::map<std::string, std::unique_ptr<ConsumerCounters>, std::less<>> consumers_;
    std::map<std::int32_t, std::unique_ptr<ShardCounters>> shards_;
};

inline void add(Counter& counter, std::uint64_t n) { counter.fetch_add(n, std::memory_order_relaxed); }

// Finds the counters of a stream; owns them. Thread-safe, and without a lock once a thread has seen a stream.
class StreamMetrics {
public:
    StreamMetrics();
    // uid is never reused, so a re-created stream starts at zero. Those of a stream that was forgotten are shown
    // nowhere.
    std::shared_ptr<StreamCounters> of(std::uint64_t uid, std::string_view account, std::string_view region,
                                       std::string_view stream);
    // A deleted stream's figures end; the memory goes with the last call that uses them.
    void forget(std::uint64_t uid);
    void collect(core::MetricsWriter& writer) const;

private:
    // With mutex_ held.
    void collect_shards(core::MetricsWriter& writer) const;

    const std::uint64_t id_;  // tells this object's entries in the per-thread cache from another's
    mutable std::mutex mutex_;
    std::unordered_map<std::uint64_t, std::shared_ptr<StreamCounters>> shown_;
    // Of the newest calls of forget(): operations that were under way meanwhile must not bring their streams back.
    std::deque<std::uint64_t> forgotten_;
    // Counts the calls of forget(): what threads remember from before is of no use any more.
    std::atomic<std::uint64_t> generation_{0};
};

}  // namespace riacho::streams
