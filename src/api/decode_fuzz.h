// Shared by the JSON and the CBOR fuzz targets.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "api/all_models.h"
#include "aws/gen/kinesis/operations.gen.h"
#include "aws/gen/kinesis/types_put_record.gen.h"
#include "aws/gen/kinesis/types_put_records.gen.h"
#include "base/check.h"
#include "wire/decode.h"

namespace riacho::api {

inline void check_valid(const kinesis::PutRecordInput& input) {
    RIACHO_CHECK(input.data.to_string().size() == input.data.size());
    RIACHO_CHECK(!input.stream_name || (!input.stream_name->empty() && input.stream_name->size() <= 128));
}
inline void check_valid(const kinesis::PutRecordsInput& input) {
    RIACHO_CHECK(!input.records.empty() && input.records.size() <= 500);
    for (const kinesis::PutRecordsRequestEntry& entry : input.records) {
        RIACHO_CHECK(entry.data.to_string().size() == entry.data.size());
    }
}

inline void decode_as(const AnyOperation& operation, const wire::Document& document) {
    visit_input(operation, [&](void* input) {
        const wire::Decoded decoded = wire::decode(*operation.input_shape, document, input);
        RIACHO_CHECK(decoded.text.empty() == (decoded.verdict == wire::Verdict::valid));
        if (decoded && operation.model == &kinesis::model && operation.info->name == "PutRecord") {
            check_valid(*static_cast<const kinesis::PutRecordInput*>(input));
        }
        if (decoded && operation.model == &kinesis::model && operation.info->name == "PutRecords") {
            check_valid(*static_cast<const kinesis::PutRecordsInput*>(input));
        }
        const wire::Decoded validated = wire::validate(*operation.input_shape, document);
        RIACHO_CHECK(validated.verdict == decoded.verdict && validated.text == decoded.text);
    });
}

// The first byte selects one of the operations of all models; the other bytes are the body.
inline int fuzz_decode(wire::Format format, const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    // A copy of exactly the body's size, so that AddressSanitizer detects a read beyond it.
    const std::string body(reinterpret_cast<const char*>(data) + 1, size - 1);
    static wire::Document document;
    if (!document.parse(format, body)) return 0;
    const std::span<const AnyOperation> operations = all_operations();
    if (data[0] < operations.size()) decode_as(operations[data[0]], document);
    return 0;
}

}  // namespace riacho::api
