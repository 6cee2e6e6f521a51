// KPL aggregation: several user records in the data of one Kinesis record, as the Kinesis Producer Library packs them.
// AWS: F3 89 9A C2, a protobuf message AggregatedRecord, its MD5 (data-streams spec 6.1).
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>
#include <vector>

#include "base/u128.h"

namespace riacho::formats {

// Views into the aggregate that was parsed. Texts are as the producer wrote them, not checked to be UTF-8.
struct KplRecord {
    std::string_view partition_key;
    std::optional<U128> explicit_hash_key;
    std::string_view data;

    // Where the record belongs in the stream's hash space: its explicit hash key, else the MD5 of its partition key.
    // After a reshard an aggregate may hold records of a neighbouring shard; AWS: the KCL leaves those out.
    [[nodiscard]] U128 hash_key() const;
};

// More records, or longer keys than a Kinesis record can have, make an aggregate a plain record: an entry of the key
// table may be used by every record, so that a small aggregate could become arbitrarily large otherwise.
inline constexpr std::size_t kpl_records_max = 10'000;
inline constexpr std::size_t kpl_partition_key_size_max = 1'024;  // 256 characters of UTF-8

// The user records of an aggregate in their order; a record's place is its sub-sequence number. Nothing when `data` is
// not an aggregate or anything about it is wrong (magic, digest, message, an index without key, no record at all): such
// a record is passed on whole.
std::optional<std::vector<KplRecord>> parse_kpl(std::string_view data);

}  // namespace riacho::formats
