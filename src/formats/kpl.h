// KPL aggregation: several user records in the data of one Kinesis record, in the format of the Kinesis Producer
// Library. AWS: F3 89 9A C2, a protobuf message AggregatedRecord, its MD5 (data-streams spec 6.1).
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>
#include <vector>

#include "base/u128.h"

namespace riacho::formats {

// Views into the parsed aggregate. Texts are not checked to be UTF-8.
struct KplRecord {
    std::string_view partition_key;
    std::optional<U128> explicit_hash_key;
    std::string_view data;

    // Where the record belongs in the stream's hash space: its explicit hash key, else the MD5 of its partition key.
    // After a reshard an aggregate may hold records of a neighbouring shard; AWS: the KCL leaves those out.
    [[nodiscard]] U128 hash_key() const;
};

// An aggregate with more records or longer keys is treated as a plain record: every record may use the same entry of
// the key table, so that a small aggregate could otherwise expand without bound.
inline constexpr std::size_t kpl_records_max = 10'000;
inline constexpr std::size_t kpl_partition_key_size_max = 1'024;  // 256 characters of UTF-8

// The user records of an aggregate in their order; a record's place is its sub-sequence number. Nothing when `data` is
// not an aggregate or anything about it is wrong (magic, digest, message, an index without key, no record at all): such
// a record is passed on whole.
std::optional<std::vector<KplRecord>> parse_kpl(std::string_view data);

}  // namespace riacho::formats
