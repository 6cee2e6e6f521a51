// Fuzzes the records of video streams: accepted records are encoded to the same bytes.
#include <cstdint>

#include "base/check.h"
#include "video/fragment.h"
#include "video/fragment_index.h"
#include "video/stream.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace riacho;
    using namespace riacho::video;
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    static_cast<void>(kind_of(bytes));
    static_cast<void>(chunk_part(bytes, 1, 0));
    if (const auto parsed = parse_closing(bytes, 1)) {
        Fragment fragment;
        static_cast<void>(split_payload({&parsed->part, 1}, parsed->closing, fragment));
    }
    if (const auto record = parse_index_record(bytes)) {
        const auto again = parse_index_record(encode(*record));
        RIACHO_CHECK(again && again->entries == record->entries && again->pages == record->pages);
    }
    if (const auto settings = decode_settings(bytes)) RIACHO_CHECK(decode_settings(encode(*settings)) == *settings);
    return 0;
}
