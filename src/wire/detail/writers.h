// The JSON and CBOR forms of scalars, appended to a Buffer.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/buffer.h"
#include "base/time.h"

namespace riacho::wire::detail {

// A quoted, escaped string. The text must be UTF-8.
void write_json_text(Buffer& out, std::string_view text);
void write_json_base64(Buffer& out, std::string_view bytes);
void write_json_integer(Buffer& out, std::int64_t value);
// The value must be finite.
void write_json_real(Buffer& out, double value);
// Seconds as a plain decimal with one to three fraction digits. AWS: spec 1.4.
void write_json_timestamp(Buffer& out, TimestampMs value);

enum class CborMajor : std::uint8_t { unsigned_integer, negative_integer, bytes, text, array, map, tag, simple };
void write_cbor_head(Buffer& out, CborMajor major, std::uint64_t argument);
void write_cbor_text(Buffer& out, std::string_view text);
void write_cbor_bytes(Buffer& out, std::string_view bytes);
void write_cbor_integer(Buffer& out, std::int64_t value);
void write_cbor_real(Buffer& out, double value);
// Tag 1 and integer milliseconds. AWS: spec 1.4; never a float, which Java clients refuse.
void write_cbor_timestamp(Buffer& out, TimestampMs value);

}  // namespace riacho::wire::detail
