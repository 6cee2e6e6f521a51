// RecordSource: follows the records of a stream, independently of the service that stores them. Data Streams implements
// it for its streams, and other services read streams through it alone.
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

// A shard of a source. Its records have consecutive numbers from 1 on, also in a shard that a split or a merge made.
struct SourceShard {
    std::uint64_t uid = 0;   // never used again
    std::int32_t index = 0;  // its place in its stream: shardId-000000000000 is 0
    std::optional<std::int32_t> parent;
    std::optional<std::int32_t> adjacent_parent;
    std::int64_t created_s = 0;  // part of its sequence numbers
    bool is_closed = false;      // closed by a reshard; its records can still be read
};

// The views live as long as SourceSlice::keeps.
struct SourceRecord {
    std::uint64_t seq = 0;
    TimestampMs arrival;
    std::string_view partition_key;
    std::string_view data;  // decrypted if it was sealed; a KPL aggregate is one record
};

struct SourceSlice {
    std::vector<SourceRecord> records;  // in the order of their numbers
    // the number of the first record read; greater than the requested number when older records have expired
    std::uint64_t first = 0;
    std::uint64_t next = 0;  // the number at which the next read begins
    std::size_t bytes = 0;   // data of all records
    bool at_tip = false;     // no record is visible from `next` on
    bool has_ended = false;  // with at_tip: no record will ever follow in this shard; its children continue
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

// The registration of a callback by RecordSource::watch(); the destructor removes it.
class SourceWatch {
public:
    virtual ~SourceWatch() = default;
};

// Thread-safe; every call may be made on any core. Lives as long as the node's services do.
class RecordSource {
public:
    virtual ~RecordSource() = default;

    // All listed shards in the order of their indexes: parents before children. Empty when the stream was deleted or is
    // CREATING.
    [[nodiscard]] virtual std::vector<SourceShard> shards() const = 0;
    // One after the number of the last visible record of a shard: the position of a reader that begins at LATEST.
    virtual Task<Expected<std::uint64_t, SourceFault>> tip(core::Core& core, std::uint64_t shard_uid) = 0;
    // Visible records from the number `from` on (0 and 1: the oldest) that have not expired. Returns at least one
    // record if there is any, however small bytes_max is; bytes_max counts partition keys and data.
    virtual Task<Expected<SourceSlice, SourceFault>> read(core::Core& core, std::uint64_t shard_uid, std::uint64_t from,
                                                          std::size_t bytes_max) = 0;
    // Calls ready() once, on `core`, when there may be records from the number `seen` on, or the shard has ended.
    // Returns null, and never calls ready(), when this holds already or the shard is unknown. Destroyed on `core`, at
    // any time, also in ready().
    virtual std::unique_ptr<SourceWatch> watch(core::Core& core, std::uint64_t shard_uid, std::uint64_t seen,
                                               std::function<void()> ready) = 0;
    // How long the source keeps its records, in milliseconds.
    [[nodiscard]] virtual std::int64_t retention_ms() const = 0;
};

}  // namespace riacho::ports
