// The source of a DirectPut stream: records in the delivery stream's own shard.
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

// AWS: undeliverable records are kept for a day (firehose spec 1.3).
inline constexpr std::int64_t own_retention_ms = 86'400'000;

using SnapshotSource = std::function<std::shared_ptr<const catalog::Snapshot>()>;

// All arguments outlive the source.
std::shared_ptr<ports::RecordSource> make_own_source(log::RecordLog& log, core::Clock& clock,
                                                     const catalog::DataKeys& keys, SnapshotSource snapshot,
                                                     std::uint64_t stream_uid);

}  // namespace riacho::firehose
