// What a read of the log becomes in a reply.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "aws/gen/kinesis/types_shared.gen.h"
#include "log/record_log.h"
#include "streams/service.h"

namespace riacho::streams {

// The data of records that were sealed; has to live as long as the records that point to it.
using OpenedData = std::vector<std::string>;

// Appends the records; they point into the frames of `read`, and into what is returned (null when nothing was sealed).
// A refusal of the stream's key, or a server error when a record is not what was sealed.
Result<std::shared_ptr<const OpenedData>> fill_records(const Service& service, const catalog::StreamState& stream,
                                                       const catalog::ShardState& shard, const log::ReadResult& read,
                                                       std::vector<api::Record>& records);

// What the records take in a reply, in JSON; nearly exact.
std::size_t encoded_size(const log::ReadResult& read);

// AWS: 0 when nothing is left to read, else how old the position is (data-streams spec 4.7).
std::int64_t millis_behind(const log::ReadResult& read, TimestampMs now);

}  // namespace riacho::streams
