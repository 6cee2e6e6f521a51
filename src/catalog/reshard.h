// Resharding as a pure function on one stream's shards.
#pragma once

#include <optional>

#include "catalog/apply.h"
#include "catalog/model.h"

namespace riacho::catalog {

// Whether the plan fits the stream's shards; nothing if it does. AWS: the order of the checks is that of the
// data-streams spec 2.4.
std::optional<Verdict> check_reshard(const StreamState& stream, const PendingReshard& plan);

// Takes one step of stream.reshard: closes parents and opens children, which get the next uids. No shard is both opened
// and closed in one step. Returns true when the reshard is complete.
bool continue_reshard(StreamState& stream, TimestampMs now, std::uint64_t& next_uid, LogEffects& effects);

}  // namespace riacho::catalog
