// Interval literals and texts (S10.3, S12.5).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "sql/types/type.h"

namespace riacho::sql {

// Milliseconds or months in one unit; months for YEAR and MONTH.
[[nodiscard]] std::int64_t unit_size(TimeUnit unit);

// The content of an interval literal with its sign: "4 2:4" for DAY TO MINUTE. The error is the validator's sentence.
[[nodiscard]] Expected<std::int64_t, std::string> parse_interval(std::string_view text, const Type& type);

// "+2 00:06:11", "-1-01": always with the sign, the leading field without padding.
void append_interval(std::string& out, std::int64_t value, const Type& type);

// Truncates to the last field, towards zero.
[[nodiscard]] std::int64_t truncate_interval(std::int64_t value, const Type& type);
// Whether the leading field has more digits than its precision allows.
[[nodiscard]] bool exceeds_precision(std::int64_t value, const Type& type);

}  // namespace riacho::sql
