// A record as `riacho tail` prints it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/time.h"

namespace riacho::cli {

enum class RecordFormat : std::uint8_t {
    text,  // a line: time, shard, partition key, data; what could steer a terminal is escaped as \n, \t, \x1b
    json,  // a line as `riacho export` writes it, with SubSequenceNumber for records out of an aggregate
    hex    // a line without the data, then the data as hexdump -C shows it
};

struct RecordView {
    std::string_view shard_id;
    std::string_view sequence_number;
    std::string_view partition_key;
    std::string_view data;  // decoded
    TimestampMs arrival{};
    std::optional<std::size_t> sub_sequence;       // the place in an aggregate of the KPL
    std::optional<std::string> explicit_hash_key;  // decimal; of records out of an aggregate
};

// Appends the record with its line end.
void append_record(std::string& out, const RecordView& record, RecordFormat format);

}  // namespace riacho::cli
