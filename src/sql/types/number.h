// Exact numbers: decimals as unscaled 64-bit integers, and numbers as text (S12.2, S12.5).
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "sql/types/type.h"

namespace riacho::sql {

using Int128 = __int128;

// Errors of a value in a row, with the SQLSTATEs of the ancestor (S12.9).
enum class SqlState : std::uint8_t {
    ok = 0,
    division_by_zero,  // 22012
    out_of_range,      // 22003
    invalid_cast,      // 22018
    truncation,        // 22001
    invalid_datetime,  // 22007
    substring,         // 22011
    invalid_escape,    // 22025
    invalid_regex,     // 2201B
    trim,              // 22027
    logarithm,         // 2201E
    invalid_argument,  // 22023
    null_in_not_null,  // 22004
    out_of_order,      // of riacho: a ROWTIME that goes back
    row_too_large,     // of riacho
};
[[nodiscard]] std::string_view sql_state_code(SqlState state);     // "22012"
[[nodiscard]] std::string_view sql_state_name(SqlState state);     // "DIVISION_BY_ZERO": ERROR_NAME of the error stream
[[nodiscard]] std::string_view sql_state_message(SqlState state);  // "division by zero"

inline constexpr auto powers_of_ten = [] {
    std::array<std::int64_t, 19> powers{};
    std::int64_t power = 1;
    for (auto& entry : powers) {
        entry = power;
        power = power <= INT64_MAX / 10 ? power * 10 : power;
    }
    return powers;
}();
[[nodiscard]] Int128 power_of_ten(int exponent);  // 0..38

// The range of an exact type's unscaled values.
struct Range {
    std::int64_t min;
    std::int64_t max;
    [[nodiscard]] bool has(Int128 value) const { return value >= min && value <= max; }
};
[[nodiscard]] Range range_of(const Type& type);

// The value at another scale; rounded half away from zero.
[[nodiscard]] Int128 rescale(std::int64_t value, int from_scale, int to_scale);
[[nodiscard]] Int128 divide_rounded(Int128 value, Int128 by);

// Parses "[+-]digits[.digits][e[+-]digits]". Digits beyond `scale` are rounded (half away from zero), or an error when
// `exact`. invalid_cast for other texts, out_of_range for numbers that are too large.
[[nodiscard]] SqlState parse_exact(std::string_view text, int scale, bool exact, Int128& value);
[[nodiscard]] SqlState parse_real(std::string_view text, double& value);
// A float's value as a double; out_of_range beyond it.
[[nodiscard]] SqlState to_real(double value, double& real);

// ".48", "-.29", "2.500000000000"
void append_decimal(std::string& out, std::int64_t value, int scale, bool leading_zero);
// "1.9E5", the shortest digits that read back.
void append_double(std::string& out, double value, bool is_real);
// In JSON's form: 190000, 0.1, 1e+30.
void append_json_double(std::string& out, double value, bool is_real);

}  // namespace riacho::sql
