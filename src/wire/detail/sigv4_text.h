// The text forms SigV4 is made of: percent-encoding, dates, and client text inside error messages.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/text.h"
#include "base/time.h"

namespace riacho::wire::sigv4::detail {

// Everything but A-Z a-z 0-9 - . _ ~ (and '/' if told) as %XX.
void append_percent_encoded(std::string& out, std::string_view text, bool keep_slash);
// %XX decoded; a '%' that starts no such thing stays. '+' is a plus.
std::string percent_decoded(std::string_view text);

// YYYYMMDDTHHMMSSZ
std::string iso_basic(TimestampMs time);
std::optional<TimestampMs> parse_iso_basic(std::string_view text);
// Sun, 22 Nov 2026 00:00:00 GMT
std::optional<TimestampMs> parse_http_date(std::string_view text);

// Client text as it may stand in an error message: printable ASCII, at most 1,024 bytes.
std::string shown(std::string_view text);

// The path as it is signed by every service but S3: normalised, and each segment encoded once more.
std::string canonical_path(std::string_view path);
// The path as S3 signs it: percent-encoded once, whatever of it already was.
std::string canonical_s3_path(std::string_view path);
// The pairs sorted, without X-Amz-Signature.
std::string canonical_query(std::string_view query);
// Without spaces at the ends, and with one for each run inside.
void append_canonical_value(std::string& out, std::string_view value);

}  // namespace riacho::wire::sigv4::detail
