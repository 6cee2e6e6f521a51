// RecordSink: appending records to a stream.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/u128.h"
#include "core/fwd.h"
#include "core/task_fwd.h"

namespace riacho::ports {

// The views live until append() has returned.
struct RecordToSend {
    std::string_view partition_key;  // 1 to 256 characters of UTF-8
    std::string_view data;
    std::optional<U128> hash_key;  // hash_key_of(partition_key), from a sender that has computed it
};

enum class SinkFault : std::uint8_t {
    gone,         // the stream was deleted, or is not ACTIVE
    denied,       // its policy does not let the writer write
    key,          // its key cannot be used
    throttled,    // a limit of the shard: again later
    overloaded,   // the node has no room at the moment: again later
    unavailable,  // a full or failed disk: again later
    too_large     // more than the stream takes in one record
};

// The position of an appended record. Later records of a shard have greater numbers (SourceRecord::seq).
struct SentRecord {
    std::int32_t shard_index = 0;
    std::uint64_t seq = 0;
};

inline constexpr std::size_t sink_records_max = 4'096;

// Thread-safe; lives as long as the node's services do.
class RecordSink {
public:
    virtual ~RecordSink() = default;
    // Records are durable and visible when it returns. Within each shard they keep the order of the request: after a
    // throttled record no later record of its shard is appended. Otherwise each record succeeds or fails alone; results
    // are in the order of the request. At most sink_records_max records and 5 MiB, or one record.
    virtual Task<std::vector<Expected<SentRecord, SinkFault>>> append(core::Core& core,
                                                                      std::span<const RecordToSend> records) = 0;
};

}  // namespace riacho::ports
