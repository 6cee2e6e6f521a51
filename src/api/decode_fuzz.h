// What the JSON and the CBOR fuzz targets have in common.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "aws/gen/kinesis/operations.gen.h"
#include "aws/gen/kinesis/types_add_tags_to_stream.gen.h"
#include "aws/gen/kinesis/types_create_channel.gen.h"
#include "aws/gen/kinesis/types_create_stream.gen.h"
#include "aws/gen/kinesis/types_enable_enhanced_monitoring.gen.h"
#include "aws/gen/kinesis/types_get_shard_iterator.gen.h"
#include "aws/gen/kinesis/types_put_record.gen.h"
#include "aws/gen/kinesis/types_put_records.gen.h"
#include "aws/gen/kinesis/types_remove_tags_from_stream.gen.h"
#include "aws/gen/kinesis/types_subscribe_to_shard.gen.h"
#include "base/check.h"
#include "wire/decode.h"

namespace riacho::api::kinesis {

inline void check_valid(const auto&) {}
inline void check_valid(const PutRecordInput& input) {
    RIACHO_CHECK(input.data.to_string().size() == input.data.size());
    RIACHO_CHECK(!input.stream_name || (!input.stream_name->empty() && input.stream_name->size() <= 128));
}
inline void check_valid(const PutRecordsInput& input) {
    RIACHO_CHECK(!input.records.empty() && input.records.size() <= 500);
    for (const PutRecordsRequestEntry& entry : input.records) {
        RIACHO_CHECK(entry.data.to_string().size() == entry.data.size());
    }
}

template <class Operation>
void decode_as(const wire::Document& document) {
    typename Operation::Input input;
    const wire::Decoded decoded = wire::decode(*Operation::input_shape, document, &input);
    RIACHO_CHECK(decoded.text.empty() == (decoded.verdict == wire::Verdict::valid));
    if (decoded) check_valid(input);
}

// The first byte chooses the operation, the others are the body.
inline int fuzz_decode(wire::Format format, const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    // A copy of exactly the body's size, so that reading behind it is seen.
    const std::string body(reinterpret_cast<const char*>(data) + 1, size - 1);
    static wire::Document document;
    if (!document.parse(format, body)) return 0;
    switch (data[0] % 9) {
        case 0:
            decode_as<PutRecord>(document);
            break;
        case 1:
            decode_as<PutRecords>(document);
            break;
        case 2:
            decode_as<GetShardIterator>(document);
            break;
        case 3:
            decode_as<CreateStream>(document);
            break;
        case 4:
            decode_as<AddTagsToStream>(document);
            break;
        case 5:
            decode_as<RemoveTagsFromStream>(document);
            break;
        case 6:
            decode_as<EnableEnhancedMonitoring>(document);
            break;
        case 7:
            decode_as<SubscribeToShard>(document);
            break;
        default:
            decode_as<CreateChannel>(document);
    }
    return 0;
}

}  // namespace riacho::api::kinesis
