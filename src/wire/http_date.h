// Parses the date format of HTTP.
#pragma once

#include <optional>
#include <string_view>

#include "base/time.h"

namespace riacho::wire {

// "Sun, 22 Nov 2026 00:00:00 GMT"; nothing for other forms.
std::optional<TimestampMs> parse_http_date(std::string_view text);

}  // namespace riacho::wire
