#include "streams/describe.h"

#include <utility>

#include "core/clock.h"
#include "streams/shards.h"

namespace riacho::streams {

api::StreamStatus to_api(catalog::StreamStatus status) {
    switch (status) {
        case catalog::StreamStatus::creating:
            return api::StreamStatus::creating;
        case catalog::StreamStatus::active:
            return api::StreamStatus::active;
        case catalog::StreamStatus::updating:
            return api::StreamStatus::updating;
        case catalog::StreamStatus::deleting:
            return api::StreamStatus::deleting;
    }
    std::unreachable();
}

api::StreamMode to_api(catalog::StreamMode mode) {
    return mode == catalog::StreamMode::on_demand ? api::StreamMode::on_demand : api::StreamMode::provisioned;
}

std::vector<api::MetricsName> metrics_of(std::uint8_t bits) {
    std::vector<api::MetricsName> names;
    for (int i = 0; i < static_cast<int>(api::MetricsName::all); ++i) {
        if (((bits >> i) & 1) != 0) names.push_back(static_cast<api::MetricsName>(i));
    }
    return names;
}

std::vector<const catalog::ShardState*> visible_shards(const catalog::StreamState& stream, const core::Clock& clock) {
    std::vector<const catalog::ShardState*> shards;
    if (stream.status(clock.now()) == catalog::StreamStatus::creating) return shards;
    const TimestampMs horizon = retention_horizon(stream, clock);
    for (const catalog::ShardState& shard : stream.shards) {
        if (!shard.closed_at || *shard.closed_at >= horizon) shards.push_back(&shard);
    }
    return shards;
}

}  // namespace riacho::streams
