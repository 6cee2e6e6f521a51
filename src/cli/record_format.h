// The output formats of `riacho tail`.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/time.h"

namespace riacho::cli {

enum class RecordFormat : std::uint8_t {
    text,  // a line: time, shard, partition key, data; escapes terminal control characters as \n, \t, \x1b
    json,  // a line as written by `riacho export`, with SubSequenceNumber for records of an aggregate
    hex    // a line without the data, then the data in the format of hexdump -C
};

struct RecordView {
    std::string_view shard_id;
    std::string_view sequence_number;
    std::string_view partition_key;
    std::string_view data;  // decoded
    TimestampMs arrival{};
    std::optional<std::size_t> sub_sequence;       // the index in an aggregate of the KPL
    std::optional<std::string> explicit_hash_key;  // decimal; only for records of an aggregate
};

// Appends the record and a line end.
void append_record(std::string& out, const RecordView& record, RecordFormat format);

}  // namespace riacho::cli
