// Rows and settings of a catalog from any bytes: decoded values are encoded to the same bytes.
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "firehose/row.h"
#include "firehose/settings.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace riacho;
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    if (const auto key = firehose::decode_row_key(bytes)) RIACHO_CHECK(firehose::encode(*key) == bytes, "another key");
    // Decoders accept longer forms of varints, too.
    if (const auto row = firehose::decode_cursor_row(bytes)) {
        RIACHO_CHECK(firehose::decode_cursor_row(firehose::encode(*row)) == row, "another cursor");
    }
    if (const auto row = firehose::decode_batch_row(bytes)) {
        RIACHO_CHECK(firehose::decode_batch_row(firehose::encode(*row)) == row, "another batch");
    }
    if (const auto settings = firehose::decode_settings(bytes)) {
        const std::string again = firehose::encode(*settings);
        const auto decoded = firehose::decode_settings(again);
        RIACHO_CHECK(decoded && firehose::encode(*decoded) == again, "other settings");
    }
    return 0;
}
