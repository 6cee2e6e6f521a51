// Scaling: the number of shards of on-demand streams, by their write load.
#pragma once

#include <cstdint>
#include <optional>
#include <unordered_map>

#include "base/time.h"
#include "catalog/command.h"
#include "streams/metrics.h"

namespace riacho::streams {

// Measures the load of on-demand streams. Used by one thread.
class Scaling {
public:
    Scaling(StreamMetrics& metrics, std::int64_t transition_ms) : metrics_(metrics), transition_ms_(transition_ms) {}

    // The change of shards that is due for an ACTIVE on-demand stream, if any. Called about every second.
    // AWS: a stream takes up to double its peak write throughput, and never has fewer than four shards; a shard takes 1
    // MiB or 1,000 records a second (data-streams spec 4.10). The peak counts for 30 days, so shards are only added.
    std::optional<catalog::Command> due(const catalog::StreamState& stream, TimestampMs now);
    void forget(std::uint64_t stream_uid) { seen_.erase(stream_uid); }

private:
    struct Seen {
        TimestampMs at;
        std::uint64_t bytes = 0;
        std::uint64_t records = 0;
    };

    StreamMetrics& metrics_;
    const std::int64_t transition_ms_;
    std::unordered_map<std::uint64_t, Seen> seen_;
};

}  // namespace riacho::streams
