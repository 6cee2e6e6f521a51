// Appending records to a delivery stream's own shard.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "base/result.h"
#include "core/fwd.h"
#include "core/task_fwd.h"
#include "firehose/metrics.h"
#include "firehose/service.h"
#include "log/types.h"
#include "wire/value.h"

namespace riacho::firehose {

// AWS: the largest record before base64 (firehose spec 1.3).
inline constexpr std::size_t record_bytes_max = 1'024'000;

// The disk space for undelivered records of one delivery stream. Above it records are throttled as on AWS.
inline constexpr std::uint64_t backlog_bytes_max = std::uint64_t{16} << 30;

// When it returns, either all records are durable, in their order, or none is stored. They are sealed if the stream's
// encryption is in effect. The stream is a DirectPut one and ACTIVE; the blobs live until it returns.
Task<Expected<log::Appended, log::LogError>> append_records(Service& service, core::Core& core, StreamRef stream,
                                                            std::span<const wire::Blob> records, bool seals);

// Record ids, each given once. Opaque to clients.
class RecordIds {
public:
    // first: the number of the first record in the stream's shard.
    RecordIds(std::uint64_t stream_uid, log::SeqIx first, core::Rng& rng);
    std::string next();

private:
    std::uint64_t stream_uid_;
    std::uint64_t seq_;
    std::uint64_t salt_;
};

std::shared_ptr<Counters> counters_of(Service& service, const StreamRef& stream);
// Whether the stream's records exceed their disk space, or its pipeline has stopped.
bool is_backlogged(const Counters& counters);
// Counts accepted records.
void count_accepted(Counters& counters, std::size_t records, std::size_t bytes);

}  // namespace riacho::firehose
