// Shared by the operations that change a stream's settings.
#pragma once

#include "aws/gen/kinesis/types_shared.gen.h"
#include "catalog/command.h"
#include "core/task_fwd.h"
#include "streams/service.h"

namespace riacho::streams {

catalog::StreamKey key_of(const catalog::StreamState& stream);

// An empty change of a stream's settings, with the short UPDATING that AWS shows for most changes.
catalog::ConfigureStream change_of(const catalog::StreamState& stream);
catalog::ConfigureStream change_with_transition(StreamsOp op, const catalog::StreamState& stream);

// Submits the change. ResourceInUseException when the stream's state does not allow it.
Task<Result<void>> configure(StreamsOp op, StreamRef stream, catalog::ConfigureStream command);

// With --transition-delay 0: returns when the stream's reshard has taken place, because test suites written for
// synchronous peers never wait. Otherwise returns at once; the janitor carries out the reshard.
Task<void> finish_reshard(StreamsOp op, std::uint64_t stream_uid);

api::RecordDistributionStrategy to_api(catalog::Distribution distribution);
api::WarmThroughputObject warm_throughput(const catalog::StreamState& stream);
// Whether the account has a minimum throughput commitment (spec 2.2, account settings).
bool has_commitment(StreamsOp op);

}  // namespace riacho::streams
