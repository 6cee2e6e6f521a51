// Parts of a stream's description that several replies share.
#pragma once

#include <span>
#include <vector>

#include "aws/gen/kinesis/types_shared.gen.h"
#include "catalog/model.h"
#include "streams/service.h"

namespace riacho::streams {

api::StreamStatus to_api(catalog::StreamStatus status);
api::StreamMode to_api(catalog::StreamMode mode);

// The shard-level metrics in a bit set, in the order of the API's enumeration.
std::vector<api::MetricsName> metrics_of(std::uint8_t bits);

// AWS gives creation times in whole seconds [prod, data-streams spec 2.2].
inline TimestampMs whole_seconds(TimestampMs at) { return TimestampMs(at.value() / 1000 * 1000); }

// The shards in a listing at this time, by index: none while CREATING, and no closed shard past retention.
std::vector<const catalog::ShardState*> visible_shards(const catalog::StreamState& stream, const core::Clock& clock);

// Sets the members that DescribeStream and DescribeStreamSummary have in common.
template <class Description>
void describe(const catalog::StreamState& stream, TimestampMs now, Description& out) {
    out.stream_name = stream.name;
    out.stream_arn = stream.arn;
    out.stream_status = to_api(stream.status(now));
    out.stream_mode_details.emplace().stream_mode = to_api(stream.mode);
    out.retention_period_hours = stream.retention_hours;
    out.stream_creation_timestamp = whole_seconds(stream.created_at);
    out.enhanced_monitoring.emplace_back().shard_level_metrics = metrics_of(stream.shard_metrics);
    out.encryption_type = stream.key_id.empty() ? api::EncryptionType::none : api::EncryptionType::kms;
    if (!stream.key_id.empty()) out.key_id = stream.key_id;
}

}  // namespace riacho::streams
