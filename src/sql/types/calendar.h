// The proleptic Gregorian calendar, in days and milliseconds since 1970-01-01; no zones.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace riacho::sql {

inline constexpr std::int64_t second_ms = 1'000;
inline constexpr std::int64_t minute_ms = 60 * second_ms;
inline constexpr std::int64_t hour_ms = 60 * minute_ms;
inline constexpr std::int64_t day_ms = 24 * hour_ms;

struct Civil {
    std::int64_t year = 1970;
    int month = 1;  // 1..12
    int day = 1;    // 1..31
};

// Any days of about +-10^13 years.
[[nodiscard]] std::int64_t days_of(const Civil& civil);
[[nodiscard]] Civil civil_of(std::int64_t days);
[[nodiscard]] int days_in_month(std::int64_t year, int month);

// Rounds towards minus infinity; `by` > 0.
constexpr std::int64_t floor_div(std::int64_t value, std::int64_t by) {
    const std::int64_t quotient = value / by;
    return quotient * by > value ? quotient - 1 : quotient;
}
constexpr std::int64_t floor_mod(std::int64_t value, std::int64_t by) { return value - floor_div(value, by) * by; }

// Adds months; a day that the month does not have becomes its last day (S12.6).
[[nodiscard]] std::int64_t add_months(std::int64_t days, std::int64_t months);

// "2004-12-02", "12:03:34[.5]", "2004-09-30 13:48:23[.5]"; strict: two digits in each field and no blanks around, as in
// literals; otherwise also single digits and blanks around, as in casts. Fractions are cut to three digits.
[[nodiscard]] std::optional<std::int64_t> parse_date(std::string_view text, bool strict);
[[nodiscard]] std::optional<std::int64_t> parse_time(std::string_view text, bool strict);
[[nodiscard]] std::optional<std::int64_t> parse_timestamp(std::string_view text, bool strict);
// The forms that AWS accepts in records: also with a T, a date alone, and Z or an offset (S5.3).
[[nodiscard]] std::optional<std::int64_t> parse_record_timestamp(std::string_view text);

// "2004-12-02"; years beyond 9999 with all their digits.
void append_date(std::string& out, std::int64_t days);
// "12:03:34", with ".500" when there are milliseconds or always.
void append_time(std::string& out, std::int64_t ms, bool always_ms);
void append_timestamp(std::string& out, std::int64_t ms, bool always_ms);

}  // namespace riacho::sql
