#include "formats/java_time.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>

#include "base/try.h"
#include "formats/zone_names.h"

namespace riacho::formats {
namespace {

constexpr std::int64_t ms_per_day = 86'400'000;
constexpr std::int64_t year_1_ms = -62'135'596'800'000;
constexpr std::int64_t year_10000_ms = 253'402'300'800'000;
constexpr std::size_t pattern_size_max = 1'024;  // of a whole prefix

constexpr std::array<std::string_view, 12> month_names{"January",   "February", "March",    "April",
                                                       "May",       "June",     "July",     "August",
                                                       "September", "October",  "November", "December"};
constexpr std::array<std::string_view, 7> day_names{"Sunday",   "Monday", "Tuesday", "Wednesday",
                                                    "Thursday", "Friday", "Saturday"};
constexpr std::array<std::string_view, 4> quarter_names{"1st quarter", "2nd quarter", "3rd quarter", "4th quarter"};

// The widths of each letter: the greatest one, and the smaller ones that are invalid (a bit each).
struct LetterRule {
    char letter;
    std::uint8_t count_max;
    std::uint32_t refused = 0;
};
constexpr LetterRule letter_rules[] = {{'G', 5},  {'u', 19}, {'y', 19},         {'Y', 19}, {'D', 3},
                                       {'M', 5},  {'L', 5},  {'Q', 5},          {'q', 5},  {'w', 2},
                                       {'W', 1},  {'d', 2},  {'E', 5},          {'e', 5},  {'c', 5, 1U << 2},
                                       {'F', 1},  {'a', 1},  {'H', 2},          {'k', 2},  {'K', 2},
                                       {'h', 2},  {'m', 2},  {'s', 2},          {'S', 9},  {'A', 19},
                                       {'n', 19}, {'N', 19}, {'V', 2, 1U << 1}, {'z', 4},  {'O', 4, 1U << 2 | 1U << 3},
                                       {'X', 5},  {'x', 5},  {'Z', 5}};

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

// Days since 1970-01-01 of the first of January.
constexpr std::int64_t days_before_year(std::int64_t year) {
    const std::int64_t y = year - 1;
    return 365 * y + y / 4 - y / 100 + y / 400 - 719'162;
}
constexpr bool is_leap(std::int64_t year) { return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0; }

// The date and the time of day in the zone; months, days and days of the year count from 1.
struct Fields {
    std::int64_t year = 0;
    int month = 0, day = 0, day_of_year = 0;
    int weekday = 0;  // 0 is Sunday
    int hour = 0, minute = 0, second = 0, millisecond = 0;
    std::int64_t millisecond_of_day = 0;
};

Fields fields_of(const ZonedTime& time) {
    const std::int64_t local = time.instant.value() + std::int64_t{time.offset_s} * 1'000;
    const std::int64_t at = std::clamp(local, year_1_ms, year_10000_ms - 1);
    std::int64_t day = at / ms_per_day;
    if (at % ms_per_day < 0) --day;
    Fields fields;
    fields.millisecond_of_day = at - day * ms_per_day;
    const auto of_day = static_cast<int>(fields.millisecond_of_day);
    fields.millisecond = of_day % 1'000;
    fields.second = of_day / 1'000 % 60;
    fields.minute = of_day / 60'000 % 60;
    fields.hour = of_day / 3'600'000;
    fields.weekday = static_cast<int>(((day + 4) % 7 + 7) % 7);
    // 400 years have 146,097 days: at most one year off.
    fields.year = std::max<std::int64_t>(1, (day + 719'162) * 400 / 146'097 + 1);
    while (days_before_year(fields.year) > day) --fields.year;
    while (days_before_year(fields.year + 1) <= day) ++fields.year;
    int left = static_cast<int>(day - days_before_year(fields.year));
    fields.day_of_year = left + 1;
    constexpr std::array<int, 12> lengths{31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    std::size_t month = 0;
    const auto length_of = [&](std::size_t m) { return lengths[m] + (m == 1 && is_leap(fields.year) ? 1 : 0); };
    while (left >= length_of(month)) left -= length_of(month++);
    fields.month = static_cast<int>(month) + 1;
    fields.day = left + 1;
    return fields;
}

// Weeks begin on Sunday, and the first one of a year is the one with the first of January.
struct Week {
    std::int64_t year;
    int number;
};
Week week_of(const Fields& fields) {
    const int first_weekday = (fields.weekday - (fields.day_of_year - 1) % 7 + 7) % 7;
    const int year_size = is_leap(fields.year) ? 366 : 365;
    if (fields.day_of_year - fields.weekday + 6 > year_size) return {fields.year + 1, 1};
    return {fields.year, (fields.day_of_year - 1 + first_weekday) / 7 + 1};
}

void append_number(std::string& out, std::int64_t value, int width) {
    fmt::format_to(std::back_inserter(out), "{:0{}}", value, width);
}

// With two letters, the last two digits.
void append_year(std::string& out, std::int64_t year, int count) {
    if (count == 2) {
        append_number(out, year % 100, 2);
    } else {
        append_number(out, year, count);
    }
}

// Three letters print the abbreviation, four the full name, five the first letter.
void append_name(std::string& out, std::string_view name, int count) {
    out += count == 4 ? name : name.substr(0, count == 5 ? 1 : 3);
}

void append_month(std::string& out, const Fields& fields, int count) {
    if (count <= 2) {
        append_number(out, fields.month, count);
    } else {
        append_name(out, month_names[static_cast<std::size_t>(fields.month - 1)], count);
    }
}

void append_quarter(std::string& out, const Fields& fields, int count) {
    const int quarter = (fields.month - 1) / 3 + 1;
    if (count <= 2 || count == 5) {
        append_number(out, quarter, count == 2 ? 2 : 1);
    } else if (count == 3) {
        fmt::format_to(std::back_inserter(out), "Q{}", quarter);
    } else {
        out += quarter_names[static_cast<std::size_t>(quarter - 1)];
    }
}

void append_weekday(std::string& out, const Fields& fields, char letter, int count) {
    if (letter != 'E' && count <= 2) {
        append_number(out, fields.weekday + 1, count);
    } else {
        append_name(out, day_names[static_cast<std::size_t>(fields.weekday)], count < 3 ? 3 : count);
    }
}

void append_fraction(std::string& out, const Fields& fields, int count) {
    const std::string digits = fmt::format("{:03}000000", fields.millisecond);
    out += std::string_view(digits).substr(0, static_cast<std::size_t>(count));
}

struct OffsetForm {
    std::string_view zero;
    bool colons = false;
    enum class Minutes : std::uint8_t { always, if_any } minutes = Minutes::always;
    bool seconds_if_any = false;
};

void append_offset(std::string& out, std::int32_t offset_s, const OffsetForm& form) {
    if (offset_s == 0) {
        out += form.zero;
        return;
    }
    const int size = std::abs(offset_s);
    const std::string_view colon = form.colons ? ":" : "";
    fmt::format_to(std::back_inserter(out), "{}{:02}", offset_s < 0 ? '-' : '+', size / 3600);
    const int minutes = size / 60 % 60;
    const int seconds = size % 60;
    if (minutes != 0 || form.minutes == OffsetForm::Minutes::always) {
        fmt::format_to(std::back_inserter(out), "{}{:02}", colon, minutes);
    }
    if (seconds != 0 && form.seconds_if_any) fmt::format_to(std::back_inserter(out), "{}{:02}", colon, seconds);
}

// "GMT+9", or "GMT+09:00".
void append_gmt_offset(std::string& out, std::int32_t offset_s, bool is_full) {
    out += "GMT";
    if (offset_s == 0) return;
    const int size = std::abs(offset_s);
    out += offset_s < 0 ? '-' : '+';
    append_number(out, size / 3600, is_full ? 2 : 1);
    if (is_full || size % 3600 != 0) fmt::format_to(std::back_inserter(out), ":{:02}", size / 60 % 60);
    if (size % 60 != 0) fmt::format_to(std::back_inserter(out), ":{:02}", size % 60);
}

void append_iso_offset(std::string& out, std::int32_t offset_s, char letter, int count) {
    OffsetForm form;
    form.colons = count == 3 || count == 5;
    form.minutes = count == 1 ? OffsetForm::Minutes::if_any : OffsetForm::Minutes::always;
    form.seconds_if_any = count >= 4;
    form.zero = letter == 'X' ? "Z" : count == 1 ? "+00" : form.colons ? "+00:00" : "+0000";
    append_offset(out, offset_s, form);
}

// The letter Z.
void append_rfc_offset(std::string& out, std::int32_t offset_s, int count) {
    if (count == 4) {
        append_gmt_offset(out, offset_s, true);
    } else if (count == 5) {
        append_offset(out, offset_s, {.zero = "Z", .colons = true, .seconds_if_any = true});
    } else {
        append_offset(out, offset_s, {.zero = "+0000"});
    }
}

void append_zone_name(std::string& out, const ZonedTime& time, int count) {
    const ZoneNames* names = find_zone_names(time.zone_id);
    if (names == nullptr) {
        out += time.abbreviation;
    } else if (count == 4) {
        out += time.is_daylight ? names->daylight_long : names->standard_long;
    } else {
        out += time.is_daylight ? names->daylight : names->standard;
    }
}

void append_clock(std::string& out, const Fields& fields, char letter, int count) {
    const int half = fields.hour % 12;
    switch (letter) {
        case 'H':
            return append_number(out, fields.hour, count);
        case 'k':
            return append_number(out, fields.hour == 0 ? 24 : fields.hour, count);
        case 'K':
            return append_number(out, half, count);
        case 'h':
            return append_number(out, half == 0 ? 12 : half, count);
        case 'm':
            return append_number(out, fields.minute, count);
        case 's':
            return append_number(out, fields.second, count);
        case 'S':
            return append_fraction(out, fields, count);
        case 'A':
            return append_number(out, fields.millisecond_of_day, count);
        case 'n':
            return append_number(out, std::int64_t{fields.millisecond} * 1'000'000, count);
        case 'N':
            return append_number(out, fields.millisecond_of_day * 1'000'000, count);
        default:  // 'a'
            out += fields.hour < 12 ? "AM" : "PM";
    }
}

void append_date(std::string& out, const Fields& fields, char letter, int count) {
    switch (letter) {
        case 'G':
            out += count == 4 ? "Anno Domini" : count == 5 ? "A" : "AD";
            return;
        case 'u':
        case 'y':
            return append_year(out, fields.year, count);
        case 'Y':
            return append_year(out, week_of(fields).year, count);
        case 'w':
            return append_number(out, week_of(fields).number, count);
        case 'W':
            return append_number(out, (fields.day - 1 + (fields.weekday - (fields.day - 1) % 7 + 7) % 7) / 7 + 1, 1);
        case 'D':
            return append_number(out, fields.day_of_year, count);
        case 'M':
        case 'L':
            return append_month(out, fields, count);
        case 'Q':
        case 'q':
            return append_quarter(out, fields, count);
        case 'd':
            return append_number(out, fields.day, count);
        case 'F':  // AWS: Java 8's meaning, the day of the week counted from the first of the month
            return append_number(out, (fields.day - 1) % 7 + 1, 1);
        default:  // 'E', 'e', 'c'
            return append_weekday(out, fields, letter, count);
    }
}

void append_zone(std::string& out, const ZonedTime& time, char letter, int count) {
    switch (letter) {
        case 'V':
            out += time.zone_id;
            return;
        case 'z':
            return append_zone_name(out, time, count);
        case 'O':
            return append_gmt_offset(out, time.offset_s, count == 4);
        case 'Z':
            return append_rfc_offset(out, time.offset_s, count);
        default:  // 'X', 'x'
            return append_iso_offset(out, time.offset_s, letter, count);
    }
}

constexpr std::string_view zone_letters = "VzOXxZ";
constexpr std::string_view clock_letters = "HkKhmsSAnNa";

}  // namespace

Expected<void, std::string> JavaTimePattern::add_letters(char letter, std::size_t count) {
    const auto* rule = std::ranges::find(letter_rules, letter, &LetterRule::letter);
    if (rule == std::end(letter_rules)) return fail(fmt::format("Unknown pattern letter: {}", letter));
    if (count > rule->count_max) return fail(fmt::format("Too many pattern letters: {}", letter));
    if ((rule->refused >> count & 1) != 0) {
        return fail(fmt::format("Pattern letter count is not allowed: {}", std::string(count, letter)));
    }
    elements_.push_back({.letter = letter, .count = static_cast<std::uint8_t>(count)});
    return {};
}

void JavaTimePattern::add_literal(std::string_view text) {
    if (elements_.empty() || elements_.back().letter != 0) elements_.emplace_back();
    elements_.back().literal += text;
}

Expected<JavaTimePattern, std::string> JavaTimePattern::parse(std::string_view pattern) {
    if (pattern.size() > pattern_size_max) return fail(std::string("The pattern is too long."));
    JavaTimePattern result;
    std::size_t sections = 0;
    for (std::size_t at = 0; at < pattern.size();) {
        const char c = pattern[at];
        if (is_letter(c)) {
            const std::size_t end = std::min(pattern.find_first_not_of(c, at), pattern.size());
            TRY_VOID(result.add_letters(c, end - at));
            at = end;
            continue;
        }
        ++at;
        if (c == '\'') {
            if (at < pattern.size() && pattern[at] == '\'') {
                result.add_literal("'");
                ++at;
                continue;
            }
            for (bool open = true; open;) {
                const std::size_t quote = pattern.find('\'', at);
                if (quote == std::string_view::npos) {
                    return fail(fmt::format("Pattern ends with an incomplete string literal: {}", pattern));
                }
                result.add_literal(pattern.substr(at, quote - at));
                at = quote + 1;
                open = at < pattern.size() && pattern[at] == '\'';
                if (open) {
                    result.add_literal("'");
                    ++at;
                }
            }
        } else if (c == '[') {
            ++sections;
        } else if (c == ']') {
            if (sections == 0) return fail(std::string("Pattern invalid as it contains ] without previous ["));
            --sections;
        } else if (c == '{' || c == '}' || c == '#') {
            return fail(fmt::format("Pattern includes reserved character: '{}'", c));
        } else {
            result.add_literal({&c, 1});
        }
    }
    return result;
}

void JavaTimePattern::append(std::string& out, const ZonedTime& time) const {
    const Fields fields = fields_of(time);
    for (const Element& element : elements_) {
        if (element.letter == 0) {
            out += element.literal;
        } else if (zone_letters.contains(element.letter)) {
            append_zone(out, time, element.letter, element.count);
        } else if (clock_letters.contains(element.letter)) {
            append_clock(out, fields, element.letter, element.count);
        } else {
            append_date(out, fields, element.letter, element.count);
        }
    }
}

std::string JavaTimePattern::format(const ZonedTime& time) const {
    std::string out;
    append(out, time);
    return out;
}

}  // namespace riacho::formats
