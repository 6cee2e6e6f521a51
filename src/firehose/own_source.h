// The records that were put into a delivery stream, in its own shard, as the pipeline reads them.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "catalog/fwd.h"
#include "core/fwd.h"
#include "log/fwd.h"
#include "ports/record_source.h"

namespace riacho::catalog {
class DataKeys;
}

namespace riacho::firehose {

// AWS: what cannot be delivered is kept for a day (firehose spec 1.3).
inline constexpr std::int64_t own_retention_ms = 86'400'000;

using SnapshotSource = std::function<std::shared_ptr<const catalog::Snapshot>()>;

// What it is given outlives it.
std::shared_ptr<ports::RecordSource> make_own_source(log::RecordLog& log, core::Clock& clock,
                                                     const catalog::DataKeys& keys, SnapshotSource snapshot,
                                                     std::uint64_t stream_uid);

}  // namespace riacho::firehose
