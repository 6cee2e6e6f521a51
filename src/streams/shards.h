// Shards in requests and replies.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "catalog/model.h"
#include "log/types.h"
#include "streams/service.h"

namespace riacho::api::kinesis {
struct ChildShard;
struct Shard;
}  // namespace riacho::api::kinesis

namespace riacho::streams {

// "shardId-000000000000"
std::string shard_id(std::int32_t index);
// AWS: the text after the first '-', or the whole text without one, must be a decimal of at most 2147483647 (spec 4.1).
std::optional<std::int32_t> parse_shard_id(std::string_view text);

// The description in DescribeStream and ListShards.
api::Shard describe_shard(const catalog::ShardState& shard);
// The child shards that a reply at the end of a closed shard lists.
std::vector<api::ChildShard> child_shards(const catalog::StreamState& stream, const catalog::ShardState& shard);

// Records that arrived before this instant are invisible. Computed by Clock::ago, by which the log deletes records too:
// a wall clock that was set forward hides no record.
TimestampMs retention_horizon(const catalog::StreamState& stream, const core::Clock& clock);
// True if all records of a closed shard are past retention: it is no longer listed.
bool is_expired(const catalog::StreamState& stream, const catalog::ShardState& shard, const core::Clock& clock);

// The API error of a failed read of a shard.
aws::ApiError read_error(log::LogError error, const ShardRef& shard);

}  // namespace riacho::streams
