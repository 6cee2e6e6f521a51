// RecordSource: following a stream of records, whoever keeps it. Data Streams implements it for its streams; services
// that read streams see nothing else of it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "core/fwd.h"
#include "core/task_fwd.h"

namespace riacho::ports {

// A shard of a source. Its records have dense numbers; the first one is 1, of a shard that was split off as well.
struct SourceShard {
    std::uint64_t uid = 0;   // names it for ever
    std::int32_t index = 0;  // its place in its stream: shardId-000000000000 is 0
    std::optional<std::int32_t> parent;
    std::optional<std::int32_t> adjacent_parent;
    std::int64_t created_s = 0;  // what its sequence numbers carry
    bool is_closed = false;      // a reshard has closed it; what it holds can be read
};

// The views live as long as SourceSlice::keeps.
struct SourceRecord {
    std::uint64_t seq = 0;
    TimestampMs arrival;
    std::string_view partition_key;
    std::string_view data;  // opened if it was sealed; an aggregate of the KPL as one record
};

struct SourceSlice {
    std::vector<SourceRecord> records;        // in the order of their numbers
    std::uint64_t first = 0;                  // the number at which the read began: greater than asked for when older
                                              // records are gone
    std::uint64_t next = 0;                   // where the next read goes on
    std::size_t bytes = 0;                    // data of all records
    bool at_tip = false;                      // nothing visible is left from `next` on
    bool has_ended = false;                   // with at_tip: and nothing will ever come; the children go on
    std::optional<TimestampMs> next_arrival;  // of the record at `next`, unless at_tip; may be too early
    std::shared_ptr<const void> keeps;
};

enum class SourceFault : std::uint8_t {
    gone,        // the stream or the shard was deleted, or its records have expired as a whole
    denied,      // its policy does not let the reader read any more
    key,         // its records are sealed and its key cannot be used
    overloaded,  // the node has no room at the moment: again later
    damaged      // records are lost on disk, or the disk is not ready
};

// Takes back what RecordSource::watch() was given, when it is destroyed.
class SourceWatch {
public:
    virtual ~SourceWatch() = default;
};

// Thread-safe; every call may be made on any core. Lives as long as the node's services do.
class RecordSource {
public:
    virtual ~RecordSource() = default;

    // Every shard that is listed now, in the order of the indexes: parents before children. Empty when the source is
    // gone, or is being created.
    [[nodiscard]] virtual std::vector<SourceShard> shards() const = 0;
    // One after the number of the last visible record of a shard: whoever starts there reads what comes after.
    virtual Task<Expected<std::uint64_t, SourceFault>> tip(core::Core& core, std::uint64_t shard_uid) = 0;
    // Visible records from the number `from` on (0 and 1: the oldest) that have not expired. At least one, if there is
    // one, however small bytes_max is; it counts partition keys and data.
    virtual Task<Expected<SourceSlice, SourceFault>> read(core::Core& core, std::uint64_t shard_uid, std::uint64_t from,
                                                          std::size_t bytes_max) = 0;
    // Calls ready() once, on `core`, when there may be something from the number `seen` on: records, or the end of the
    // shard. Null, and ready() is not called, when there is already, or the shard is unknown. Destroyed on `core`, at
    // any time, also in ready().
    virtual std::unique_ptr<SourceWatch> watch(core::Core& core, std::uint64_t shard_uid, std::uint64_t seen,
                                               std::function<void()> ready) = 0;
    // How long the source keeps its records, in milliseconds.
    [[nodiscard]] virtual std::int64_t retention_ms() const = 0;
};

}  // namespace riacho::ports
