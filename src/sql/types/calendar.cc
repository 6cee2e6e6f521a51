#include "sql/types/calendar.h"

#include <fmt/format.h>

#include <array>
#include <iterator>

#include "sql/text/characters.h"

namespace riacho::sql {
namespace {

constexpr std::int64_t years_max = 200'000'000;  // milliseconds of it fit 64 bits

// Between 1 (or exactly digits_max when strict) and digits_max digits.
bool take_number(std::string_view& text, std::size_t digits_max, bool strict, std::int64_t& value) {
    std::size_t digits = 0;
    value = 0;
    while (digits < text.size() && digits < digits_max && is_digit(text[digits]))
        value = value * 10 + (text[digits++] - '0');
    if (digits == 0 || (strict && digits != digits_max)) return false;
    text.remove_prefix(digits);
    return true;
}

bool take(std::string_view& text, char c) {
    if (text.empty() || text.front() != c) return false;
    text.remove_prefix(1);
    return true;
}

bool take_date(std::string_view& text, bool strict, std::int64_t& days) {
    std::int64_t year = 0;
    std::int64_t month = 0;
    std::int64_t day = 0;
    if (!take_number(text, 4, true, year) || !take(text, '-') || !take_number(text, 2, strict, month) ||
        !take(text, '-') || !take_number(text, 2, strict, day))
        return false;
    if (month < 1 || month > 12 || day < 1 || day > days_in_month(year, static_cast<int>(month))) return false;
    days = days_of({year, static_cast<int>(month), static_cast<int>(day)});
    return true;
}

bool take_time(std::string_view& text, bool strict, std::int64_t& ms) {
    std::int64_t hour = 0;
    std::int64_t minute = 0;
    std::int64_t second = 0;
    if (!take_number(text, 2, strict, hour) || !take(text, ':') || !take_number(text, 2, strict, minute) ||
        !take(text, ':') || !take_number(text, 2, strict, second))
        return false;
    if (hour > 23 || minute > 59 || second > 59) return false;
    ms = hour * hour_ms + minute * minute_ms + second * second_ms;
    if (!take(text, '.')) return true;
    std::int64_t weight = 100;
    if (text.empty() || !is_digit(text.front())) return false;
    while (!text.empty() && is_digit(text.front())) {
        ms += (text.front() - '0') * weight;
        weight /= 10;
        text.remove_prefix(1);
    }
    return true;
}

// "Z", "+01:00", "-0700", "+01"; milliseconds to subtract.
bool take_offset(std::string_view& text, std::int64_t& offset) {
    offset = 0;
    if (text.empty() || take(text, 'Z') || take(text, 'z')) return true;
    const bool minus = text.front() == '-';
    if (!take(text, '+') && !take(text, '-')) return false;
    std::int64_t hours = 0;
    std::int64_t minutes = 0;
    if (!take_number(text, 2, true, hours)) return false;
    take(text, ':');
    if (!text.empty() && !take_number(text, 2, true, minutes)) return false;
    if (hours > 18 || minutes > 59) return false;
    offset = (hours * hour_ms + minutes * minute_ms) * (minus ? -1 : 1);
    return true;
}

}  // namespace

// Howard Hinnant's algorithm: eras of 400 years that begin on the first of March.
std::int64_t days_of(const Civil& civil) {
    const std::int64_t year = civil.year - (civil.month <= 2 ? 1 : 0);
    const std::int64_t era = floor_div(year, 400);
    const std::int64_t year_of_era = year - era * 400;
    const std::int64_t day_of_year = (153 * (civil.month + (civil.month > 2 ? -3 : 9)) + 2) / 5 + civil.day - 1;
    const std::int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * 146'097 + day_of_era - 719'468;
}

Civil civil_of(std::int64_t days) {
    const std::int64_t shifted = days + 719'468;
    const std::int64_t era = floor_div(shifted, 146'097);
    const std::int64_t day_of_era = shifted - era * 146'097;
    const std::int64_t year_of_era =
        (day_of_era - day_of_era / 1'460 + day_of_era / 36'524 - day_of_era / 146'096) / 365;
    const std::int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    const std::int64_t month = (5 * day_of_year + 2) / 153;
    Civil civil;
    civil.day = static_cast<int>(day_of_year - (153 * month + 2) / 5 + 1);
    civil.month = static_cast<int>(month < 10 ? month + 3 : month - 9);
    civil.year = year_of_era + era * 400 + (civil.month <= 2 ? 1 : 0);
    return civil;
}

int days_in_month(std::int64_t year, int month) {
    static constexpr std::array<int, 12> days = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    const bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return month == 2 && leap ? 29 : days[static_cast<std::size_t>(month - 1)];
}

std::int64_t add_months(std::int64_t days, std::int64_t months) {
    Civil civil = civil_of(days);
    // Beyond what a TIMESTAMP can hold: cut, so that nothing overflows; the caller checks its range.
    if (months > years_max * 12) months = years_max * 12;
    if (months < -years_max * 12) months = -years_max * 12;
    const std::int64_t month = civil.year * 12 + civil.month - 1 + months;
    civil.year = floor_div(month, 12);
    civil.month = static_cast<int>(floor_mod(month, 12)) + 1;
    civil.day = std::min(civil.day, days_in_month(civil.year, civil.month));
    return days_of(civil);
}

std::optional<std::int64_t> parse_date(std::string_view text, bool strict) {
    if (!strict) text = without_blanks(text);
    std::int64_t days = 0;
    if (!take_date(text, strict, days) || !text.empty()) return std::nullopt;
    return days;
}

std::optional<std::int64_t> parse_time(std::string_view text, bool strict) {
    if (!strict) text = without_blanks(text);
    std::int64_t ms = 0;
    if (!take_time(text, strict, ms) || !text.empty()) return std::nullopt;
    return ms;
}

std::optional<std::int64_t> parse_timestamp(std::string_view text, bool strict) {
    if (!strict) text = without_blanks(text);
    std::int64_t days = 0;
    std::int64_t ms = 0;
    if (!take_date(text, strict, days) || !take(text, ' ') || !take_time(text, strict, ms) || !text.empty())
        return std::nullopt;
    return days * day_ms + ms;
}

std::optional<std::int64_t> parse_record_timestamp(std::string_view text) {
    text = without_blanks(text);
    std::int64_t days = 0;
    std::int64_t ms = 0;
    std::int64_t offset = 0;
    if (!take_date(text, false, days)) return std::nullopt;
    if (text.empty()) return days * day_ms;
    if (!take(text, ' ') && !take(text, 'T') && !take(text, 't')) return std::nullopt;
    if (!take_time(text, false, ms) || !take_offset(text, offset) || !text.empty()) return std::nullopt;
    return days * day_ms + ms - offset;
}

void append_date(std::string& out, std::int64_t days) {
    const Civil civil = civil_of(days);
    if (civil.year < 0) {
        fmt::format_to(std::back_inserter(out), "-{:04}-{:02}-{:02}", -civil.year, civil.month, civil.day);
    } else {
        fmt::format_to(std::back_inserter(out), "{:04}-{:02}-{:02}", civil.year, civil.month, civil.day);
    }
}

void append_time(std::string& out, std::int64_t ms, bool always_ms) {
    fmt::format_to(std::back_inserter(out), "{:02}:{:02}:{:02}", ms / hour_ms, ms / minute_ms % 60,
                   ms / second_ms % 60);
    if (always_ms || ms % second_ms != 0) fmt::format_to(std::back_inserter(out), ".{:03}", ms % second_ms);
}

void append_timestamp(std::string& out, std::int64_t ms, bool always_ms) {
    append_date(out, floor_div(ms, day_ms));
    out += ' ';
    append_time(out, floor_mod(ms, day_ms), always_ms);
}

}  // namespace riacho::sql
