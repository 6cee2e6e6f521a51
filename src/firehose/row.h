// The rows of a delivery stream's progress in the catalog (docs/formats/firehose.md): one for each shard that is read,
// and one for each batch that is not delivered yet.
//
//   "c" branch lane shard-uid       a cursor: all records before `floor` are delivered or dropped
//   "b" branch lane batch-number    a batch: the ranges of its records; durable before any byte of it is sent
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"

namespace riacho::firehose {

// The number of shards of a lane, so that the row of a batch stays below catalog::progress_value_size_max.
inline constexpr std::size_t lane_shards_max = 48;

struct RowKey {
    enum class Kind : char { cursor = 'c', batch = 'b' };
    Kind kind = Kind::cursor;
    std::uint32_t branch = 0;  // 0: the destination; backups have others
    std::uint32_t lane = 0;
    std::uint64_t number = 0;  // of the shard or of the batch
    friend bool operator==(const RowKey&, const RowKey&) = default;
};
// Sorts by kind, branch, lane and number.
std::string encode(const RowKey& key);
std::optional<RowKey> decode_row_key(std::string_view bytes);

struct CursorRow {
    std::uint32_t ordinal = 0;  // index in the rows of batches of its lane
    std::int32_t index = 0;     // of the shard in its stream
    std::uint64_t floor = 1;
    bool has_children = false;  // it was read to its end, and its children have rows
    friend bool operator==(const CursorRow&, const CursorRow&) = default;
};
std::string encode(const CursorRow& row);
std::optional<CursorRow> decode_cursor_row(std::string_view bytes);

struct BatchRow {
    enum class State : std::uint8_t {
        sealed = 1,  // not delivered yet
        done = 2     // delivered; the row is removed after those before it
    };
    struct Range {
        std::uint32_t ordinal = 0;
        std::uint64_t first = 0;
        std::uint64_t next = 0;
        friend bool operator==(const Range&, const Range&) = default;
    };
    State state = State::sealed;
    std::uint64_t version = 1;  // of the settings used for its delivery
    std::uint64_t epoch = 0;    // of the lease of the node that made it; 0 on a single node
    std::vector<Range> ranges;
    std::uint64_t bytes = 0;  // size of the data when it was read
    TimestampMs oldest;
    TimestampMs newest;
    TimestampMs sealed_at;
    TimestampMs failing_since;  // 0: no attempt has failed, or its destination has no retry window
    friend bool operator==(const BatchRow&, const BatchRow&) = default;
};
std::string encode(const BatchRow& row);
std::optional<BatchRow> decode_batch_row(std::string_view bytes);

}  // namespace riacho::firehose
