#include "streams/scaling.h"

#include <algorithm>
#include <cmath>

namespace riacho::streams {
namespace {

// Long enough that a single burst does not count as load.
constexpr std::int64_t window_ms = 10'000;
constexpr double shard_bytes_per_s = 1 << 20;
constexpr double shard_records_per_s = 1'000;
constexpr std::uint32_t shards_max = 10'000;

}  // namespace

std::optional<catalog::Command> Scaling::due(const catalog::StreamState& stream, TimestampMs now) {
    const auto owned_counters = metrics_.of(stream.uid, stream.account, stream.region, stream.name);
    const StreamCounters& counters = *owned_counters;
    const Seen current{now, counters.incoming_bytes.load(), counters.incoming_records.load()};
    const auto [entry, is_new] = seen_.try_emplace(stream.uid, current);
    Seen& seen = entry->second;
    const std::int64_t passed_ms = now.value() - seen.at.value();
    if (is_new || passed_ms < window_ms) return std::nullopt;
    const double seconds = static_cast<double>(passed_ms) / 1000;
    const double load = std::max(static_cast<double>(current.bytes - seen.bytes) / seconds / shard_bytes_per_s,
                                 static_cast<double>(current.records - seen.records) / seconds / shard_records_per_s);
    seen = current;
    const auto open = static_cast<std::uint32_t>(stream.open_shard_count());
    const auto wanted = static_cast<std::uint32_t>(std::min<double>(std::ceil(2 * load), shards_max));
    if (wanted <= open) return std::nullopt;
    catalog::Reshard command;
    command.key = {stream.account, stream.region, stream.name};
    command.plan.kind = catalog::PendingReshard::Kind::uniform;
    command.plan.target_shard_count = std::min(wanted, open * 2);  // at most double, as for UpdateShardCount
    command.transition_ms = transition_ms_;
    command.by_service = true;
    return command;
}

}  // namespace riacho::streams
