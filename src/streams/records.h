// What a read of the log becomes in a reply.
#pragma once

#include <cstdint>
#include <vector>

#include "aws/gen/kinesis/types_shared.gen.h"
#include "catalog/model.h"
#include "log/log.h"

namespace riacho::streams {

// Appends the records; they point into the frames of `read`, which must outlive them.
void fill_records(const log::ReadResult& read, const catalog::ShardState& shard,
                  std::vector<riacho::api::kinesis::Record>& records);

// AWS: 0 when nothing is left to read, else how old the position is (data-streams spec 4.7).
std::int64_t millis_behind(const log::ReadResult& read, TimestampMs now);

}  // namespace riacho::streams
