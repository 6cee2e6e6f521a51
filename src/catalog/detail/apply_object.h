// The part of apply() that handles objects and their progress.
#pragma once

#include <cstddef>

#include "catalog/apply.h"

namespace riacho::catalog::detail {

// AWS: 50 tags on a resource (data-streams spec 2.5).
inline constexpr std::size_t tags_max = 50;

Outcome reject(Verdict::Code code, StreamStatus status = StreamStatus::active, std::int64_t number = 0);

Outcome apply_to_object(State& state, const CreateObject& command, TimestampMs now);
Outcome apply_to_object(State& state, const ReplaceObjects& command, TimestampMs now);
Outcome apply_to_object(State& state, const TagObject& command, TimestampMs now);
Outcome apply_to_object(State& state, const DeleteObject& command, TimestampMs now);
Outcome apply_to_object(State& state, const PurgeObject& command, TimestampMs now);
Outcome apply_to_object(State& state, const MoveProgress& command, TimestampMs now);
Outcome apply_to_object(State& state, const QueueProgress& command, TimestampMs now);

std::size_t object_effects_max(const State& state, const Command& command);

}  // namespace riacho::catalog::detail
