// Metrics of Video Streams, by stream (video spec 1.8).
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "base/mutex.h"
#include "core/metrics.h"

namespace riacho::video {

struct StreamCounters {
    // PutMedia
    std::atomic<std::uint64_t> put_requests{0};
    std::atomic<std::uint64_t> put_succeeded{0};          // calls that ended without an ERROR
    std::atomic<std::uint64_t> put_connection_errors{0};  // calls whose client went away
    std::atomic<std::uint64_t> put_connections{0};        // open now
    std::atomic<std::uint64_t> incoming_bytes{0};
    std::atomic<std::uint64_t> incoming_fragments{0};
    std::atomic<std::uint64_t> incoming_frames{0};
    std::atomic<std::uint64_t> error_acks{0};
    std::atomic<std::uint64_t> orphan_bytes{0};  // stored parts of fragments that were given up
    // GetMedia and GetMediaForFragmentList
    std::atomic<std::uint64_t> get_requests{0};
    std::atomic<std::uint64_t> get_connections{0};  // open now
    std::atomic<std::uint64_t> outgoing_bytes{0};
    std::atomic<std::uint64_t> outgoing_fragments{0};
    std::atomic<std::uint64_t> outgoing_frames{0};
    std::atomic<std::int64_t> millis_behind_now{0};  // of the chunk that was sent last
};

// Thread-safe; owned by the node's module.
class VideoMetrics {
public:
    std::shared_ptr<StreamCounters> of(std::uint64_t uid, std::string_view stream);
    // The stream was deleted.
    void forget(std::uint64_t uid);
    void collect(core::MetricsWriter& writer) const;

    core::Histogram buffering_ack;  // from a fragment's first byte to its BUFFERING
    core::Histogram received_ack;   // from its last byte to its RECEIVED
    core::Histogram persisted_ack;  // from its last byte to its PERSISTED

private:
    struct Known {
        std::string stream;
        std::shared_ptr<StreamCounters> counters;
    };
    mutable Mutex mutex_;
    std::map<std::uint64_t, Known> streams_ GUARDED_BY(mutex_);
};

}  // namespace riacho::video
