#include "sql/types/interval.h"

#include <fmt/format.h>

#include <iterator>
#include <vector>

#include "sql/text/characters.h"
#include "sql/types/calendar.h"
#include "sql/types/number.h"

namespace riacho::sql {
namespace {

std::string_view name(TimeUnit unit) {
    static constexpr std::string_view names[] = {"", "YEAR", "MONTH", "DAY", "HOUR", "MINUTE", "SECOND"};
    return names[static_cast<std::size_t>(unit)];
}

std::string qualifier(const Type& type) {
    std::string out = fmt::format("{}({})", name(type.from), type.precision);
    if (type.to != type.from) out += fmt::format(" TO {}", name(type.to));
    return out;
}

std::uint64_t magnitude(std::int64_t value) {
    return value < 0 ? 0 - static_cast<std::uint64_t>(value) : static_cast<std::uint64_t>(value);
}

TimeUnit next(TimeUnit unit) { return static_cast<TimeUnit>(static_cast<int>(unit) + 1); }

// What separates a field from the one before it.
char separator(TimeUnit unit) {
    if (unit == TimeUnit::month) return '-';
    return unit == TimeUnit::hour ? ' ' : ':';
}

std::int64_t trailing_max(TimeUnit unit) {
    if (unit == TimeUnit::month) return 11;
    return unit == TimeUnit::hour ? 23 : 59;
}

}  // namespace

std::int64_t unit_size(TimeUnit unit) {
    switch (unit) {
        case TimeUnit::none:
            return 0;
        case TimeUnit::year:
            return 12;
        case TimeUnit::month:
            return 1;
        case TimeUnit::day:
            return day_ms;
        case TimeUnit::hour:
            return hour_ms;
        case TimeUnit::minute:
            return minute_ms;
        case TimeUnit::second:
            return second_ms;
    }
    return 0;
}

Expected<std::int64_t, std::string> parse_interval(std::string_view text, const Type& type) {
    const auto illegal = [&] {
        return fail(fmt::format("Illegal interval literal format '{}' for INTERVAL {}", text, qualifier(type)));
    };
    std::string_view left = text;
    bool negative = false;
    if (!left.empty() && (left.front() == '-' || left.front() == '+')) {
        negative = left.front() == '-';
        left.remove_prefix(1);
    }
    std::int64_t sum = 0;
    for (TimeUnit unit = type.from;; unit = next(unit)) {
        std::size_t digits = 0;
        std::int64_t field = 0;
        while (digits < left.size() && digits < 11 && is_digit(left[digits]))
            field = field * 10 + (left[digits++] - '0');
        if (digits == 0) return illegal();
        left.remove_prefix(digits);
        if (unit == type.from) {
            if (digits > 10 || field >= powers_of_ten[type.precision])
                return fail(fmt::format("Interval field value {} exceeds precision of {}({}) field", field, name(unit),
                                        type.precision));
        } else if (field > trailing_max(unit)) {
            return illegal();
        }
        sum += field * unit_size(unit);
        if (unit == type.to) break;
        if (left.empty() || left.front() != separator(next(unit))) return illegal();
        left.remove_prefix(1);
    }
    if (type.to == TimeUnit::second && !left.empty() && left.front() == '.') {
        left.remove_prefix(1);
        std::int64_t weight = 100;
        if (left.empty() || left.size() > type.scale) return illegal();
        for (; !left.empty() && is_digit(left.front()); left.remove_prefix(1)) {
            sum += (left.front() - '0') * weight;
            weight /= 10;
        }
    }
    if (!left.empty()) return illegal();
    return negative ? -sum : sum;
}

void append_interval(std::string& out, std::int64_t value, const Type& type) {
    out += value < 0 ? '-' : '+';
    std::uint64_t left = magnitude(value);
    for (TimeUnit unit = type.from;; unit = next(unit)) {
        const auto size = static_cast<std::uint64_t>(unit_size(unit));
        const std::uint64_t field = left / size;
        left %= size;
        if (unit == type.from) {
            fmt::format_to(std::back_inserter(out), "{}", field);
        } else {
            fmt::format_to(std::back_inserter(out), "{}{:02}", separator(unit), field);
        }
        if (unit == type.to) break;
    }
    if (type.to == TimeUnit::second && left != 0) fmt::format_to(std::back_inserter(out), ".{:03}", left);
}

std::int64_t truncate_interval(std::int64_t value, const Type& type) {
    if (type.to == TimeUnit::second || type.to == TimeUnit::none) return value;
    return value / unit_size(type.to) * unit_size(type.to);
}

bool exceeds_precision(std::int64_t value, const Type& type) {
    if (type.precision == 0 || type.precision > 10) return false;
    const std::uint64_t field = magnitude(value) / static_cast<std::uint64_t>(unit_size(type.from));
    return field >= static_cast<std::uint64_t>(powers_of_ten[type.precision]);
}

}  // namespace riacho::sql
