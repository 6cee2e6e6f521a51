// CloudWatch's metrics of each delivery stream (firehose spec 16.1), counted here and exposed at /metrics.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "base/mutex.h"
#include "base/time.h"
#include "core/metrics.h"

namespace riacho::firehose {

class Limits;

using Counter = std::atomic<std::uint64_t>;
inline void add(Counter& counter, std::uint64_t n) { counter.fetch_add(n, std::memory_order_relaxed); }

// The figures of one delivery stream. All members are thread-safe.
struct Counters {
    std::string account;
    std::string region;
    std::string name;

    Counter incoming_bytes{0};
    Counter incoming_records{0};
    Counter incoming_put_requests{0};
    Counter throttled_records{0};
    Counter put_record_bytes{0};
    Counter put_record_requests{0};
    core::Histogram put_record_latency;
    Counter put_record_batch_bytes{0};
    Counter put_record_batch_records{0};
    Counter put_record_batch_requests{0};
    core::Histogram put_record_batch_latency;
    Counter source_bytes{0};  // DataReadFromKinesisStream, including records that are read again
    Counter source_records{0};
    Counter source_throttled{0};
    Counter delivered_bytes{0};  // DeliveryToS3, before compression
    Counter delivered_records{0};
    Counter delivered_objects{0};
    Counter attempts{0};
    Counter attempts_succeeded{0};
    Counter expired_records{0};  // lost: they expired in their source
    // Arrival of the oldest undelivered record, in milliseconds since 1970; 0 if there is none.
    std::atomic<std::int64_t> oldest_ms{0};
    // Arrival of the newest record read from the source while there are more; 0 when all were read.
    std::atomic<std::int64_t> source_oldest_ms{0};
    Counter stored_bytes{0};     // of the delivery stream's own records, when measured last
    Counter batches{0};          // not delivered yet
    Counter batches_failing{0};  // of them, waiting for another attempt
    std::atomic<bool> is_direct_put{true};
    std::atomic<bool> is_broken{false};  // nothing is delivered before the next start, and nothing is accepted
};

// Thread-safe.
class Metrics {
public:
    // The counters of a delivery stream, made by the first call.
    std::shared_ptr<Counters> of(std::uint64_t uid, std::string_view account, std::string_view region,
                                 std::string_view name);
    void forget(std::uint64_t uid);
    // Writes all metrics; limits only if they are enforced.
    void collect(TimestampMs now, const Limits& limits, core::MetricsWriter& writer) const;

private:
    mutable Mutex mutex_;
    std::map<std::uint64_t, std::shared_ptr<Counters>> streams_ GUARDED_BY(mutex_);
    // Recently forgotten streams: calls in progress do not make their counters again.
    std::deque<std::uint64_t> forgotten_ GUARDED_BY(mutex_);
};

}  // namespace riacho::firehose
