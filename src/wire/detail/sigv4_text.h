// Text forms used by SigV4: percent-encoding, dates, and client text inside error messages.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/text.h"
#include "base/time.h"

namespace riacho::wire::sigv4::detail {

// Encodes everything but A-Z a-z 0-9 - . _ ~ (and '/' if keep_slash) as %XX.
void append_percent_encoded(std::string& out, std::string_view text, bool keep_slash);
// Decodes %XX; a '%' without two hexadecimal digits stays. '+' is not decoded.
std::string percent_decoded(std::string_view text);

// YYYYMMDDTHHMMSSZ
std::string iso_basic(TimestampMs time);
std::optional<TimestampMs> parse_iso_basic(std::string_view text);
// Sun, 22 Nov 2026 00:00:00 GMT
std::optional<TimestampMs> parse_http_date(std::string_view text);
// 2026-11-22T00:00:00Z, with up to nine digits of a fraction, of which the milliseconds count
std::optional<TimestampMs> parse_iso_date(std::string_view text);

// Client text made safe for an error message: printable ASCII, at most 1,024 bytes.
std::string shown(std::string_view text);

// The path as every service but S3 signs it: normalised, and each segment percent-encoded once more.
std::string canonical_path(std::string_view path);
// The path as S3 signs it: percent-encoded exactly once, whether or not parts of it were encoded already.
std::string canonical_s3_path(std::string_view path);
// The query's pairs, sorted, without X-Amz-Signature.
std::string canonical_query(std::string_view query);
// Appends the value without spaces at its ends, and with each inner run of spaces reduced to one.
void append_canonical_value(std::string& out, std::string_view value);

}  // namespace riacho::wire::sigv4::detail
