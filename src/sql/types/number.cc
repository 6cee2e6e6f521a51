#include "sql/types/number.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <cstdlib>
#include <iterator>
#include <limits>

#include "sql/text/characters.h"

namespace riacho::sql {
namespace {

constexpr int exponent_max = 400;

}  // namespace

std::string_view sql_state_code(SqlState state) {
    switch (state) {
        case SqlState::ok:
            return "00000";
        case SqlState::division_by_zero:
            return "22012";
        case SqlState::out_of_range:
            return "22003";
        case SqlState::invalid_cast:
            return "22018";
        case SqlState::truncation:
            return "22001";
        case SqlState::invalid_datetime:
            return "22007";
        case SqlState::substring:
            return "22011";
        case SqlState::invalid_escape:
            return "22025";
        case SqlState::invalid_regex:
            return "2201B";
        case SqlState::trim:
            return "22027";
        case SqlState::logarithm:
            return "2201E";
        case SqlState::invalid_argument:
            return "22023";
        case SqlState::null_in_not_null:
            return "22004";
        case SqlState::out_of_order:
            return "22008";
        case SqlState::row_too_large:
            return "54000";
    }
    return "";
}

std::string_view sql_state_name(SqlState state) {
    switch (state) {
        case SqlState::ok:
            return "OK";
        case SqlState::division_by_zero:
            return "DIVISION_BY_ZERO";
        case SqlState::out_of_range:
            return "OVERFLOW";
        case SqlState::invalid_cast:
        case SqlState::invalid_datetime:
            return "INVALID_CAST";
        case SqlState::truncation:
            return "STRING_TRUNCATION";
        case SqlState::substring:
        case SqlState::invalid_escape:
        case SqlState::invalid_regex:
        case SqlState::trim:
        case SqlState::logarithm:
        case SqlState::invalid_argument:
            return "INVALID_ARGUMENT";
        case SqlState::null_in_not_null:
            return "NULL_IN_NOT_NULL";
        case SqlState::out_of_order:
            return "OUT_OF_ORDER_ROW";
        case SqlState::row_too_large:
            return "ROW_TOO_LARGE";
    }
    return "";
}

std::string_view sql_state_message(SqlState state) {
    switch (state) {
        case SqlState::ok:
            return "";
        case SqlState::division_by_zero:
            return "division by zero";
        case SqlState::out_of_range:
            return "numeric value out of range";
        case SqlState::invalid_cast:
            return "invalid character value for cast";
        case SqlState::truncation:
            return "string data, right truncation";
        case SqlState::invalid_datetime:
            return "invalid datetime format";
        case SqlState::substring:
            return "substring error";
        case SqlState::invalid_escape:
            return "invalid escape sequence";
        case SqlState::invalid_regex:
            return "invalid regular expression, or one that takes too long";
        case SqlState::trim:
            return "trim error";
        case SqlState::logarithm:
            return "invalid argument for a logarithm, power or root";
        case SqlState::invalid_argument:
            return "invalid argument of a function";
        case SqlState::null_in_not_null:
            return "NULL in a column that is NOT NULL";
        case SqlState::out_of_order:
            return "ROWTIME is earlier than that of the row before";
        case SqlState::row_too_large:
            return "row is larger than 512 KB";
    }
    return "";
}

Int128 power_of_ten(int exponent) {
    if (exponent <= 18) return powers_of_ten[static_cast<std::size_t>(exponent)];
    return static_cast<Int128>(powers_of_ten[18]) * power_of_ten(exponent - 18);
}

Range range_of(const Type& type) {
    switch (type.kind) {
        case Kind::tinyint:
            return {INT8_MIN, INT8_MAX};
        case Kind::smallint:
            return {INT16_MIN, INT16_MAX};
        case Kind::integer:
            return {INT32_MIN, INT32_MAX};
        case Kind::decimal:
            if (type.precision < 19) {
                const std::int64_t limit = powers_of_ten[type.precision] - 1;
                return {-limit, limit};
            }
            break;
        case Kind::interval_day:
        case Kind::interval_month:
            break;
        default:
            break;
    }
    return {INT64_MIN, INT64_MAX};
}

Int128 divide_rounded(Int128 value, Int128 by) {
    const Int128 half = by / 2;
    return value < 0 ? -((-value + half) / by) : (value + half) / by;
}

Int128 rescale(std::int64_t value, int from_scale, int to_scale) {
    if (to_scale >= from_scale) return static_cast<Int128>(value) * power_of_ten(to_scale - from_scale);
    return divide_rounded(value, power_of_ten(from_scale - to_scale));
}

SqlState parse_exact(std::string_view text, int scale, bool exact, Int128& value) {
    std::size_t at = 0;
    bool negative = false;
    if (at < text.size() && (text[at] == '-' || text[at] == '+')) negative = text[at++] == '-';
    const std::size_t digits_begin = at;
    std::size_t digits = 0;
    std::ptrdiff_t point = -1;  // digits before it
    while (at < text.size() && (is_digit(text[at]) || (text[at] == '.' && point < 0))) {
        if (text[at] == '.') {
            point = static_cast<std::ptrdiff_t>(digits);
        } else {
            ++digits;
        }
        ++at;
    }
    if (digits == 0) return SqlState::invalid_cast;
    const std::string_view mantissa = text.substr(digits_begin, at - digits_begin);
    int exponent = 0;
    if (at < text.size() && (text[at] == 'e' || text[at] == 'E')) {
        ++at;
        bool minus = false;
        if (at < text.size() && (text[at] == '-' || text[at] == '+')) minus = text[at++] == '-';
        if (at == text.size()) return SqlState::invalid_cast;
        while (at < text.size() && is_digit(text[at]))
            exponent = std::min(exponent * 10 + (text[at++] - '0'), exponent_max);
        if (minus) exponent = -exponent;
    }
    if (at != text.size()) return SqlState::invalid_cast;
    // Digits that count: those before the point, moved by exponent and scale.
    const std::ptrdiff_t whole = (point < 0 ? static_cast<std::ptrdiff_t>(digits) : point) + exponent + scale;
    Int128 sum = 0;
    std::ptrdiff_t index = 0;
    bool round_up = false;
    bool rest = false;
    for (const char c : mantissa) {
        if (c == '.') continue;
        if (index < whole) {
            sum = sum * 10 + (c - '0');
            if (sum > power_of_ten(19)) return SqlState::out_of_range;
        } else {
            if (index == whole && c >= '5') round_up = true;
            if (c != '0') rest = true;
        }
        ++index;
    }
    for (; index < whole && sum != 0; ++index) {
        sum *= 10;
        if (sum > power_of_ten(19)) return SqlState::out_of_range;
    }
    if (exact && rest) return SqlState::out_of_range;
    if (round_up) ++sum;
    value = negative ? -sum : sum;
    return SqlState::ok;
}

SqlState parse_real(std::string_view text, double& value) {
    if (!text.empty() && text.front() == '+') {
        text.remove_prefix(1);
        if (text.starts_with('-')) return SqlState::invalid_cast;
    }
    if (text.empty()) return SqlState::invalid_cast;
    // Neither "inf" nor "nan" is a number of SQL.
    for (const char c : text) {
        if (!is_digit(c) && c != '.' && c != '-' && c != '+' && c != 'e' && c != 'E') return SqlState::invalid_cast;
    }
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error == std::errc::result_out_of_range) {
        // What is too small is zero, or nearly.
        if (end != text.data() + text.size()) return SqlState::invalid_cast;
        value = std::strtod(std::string(text).c_str(), nullptr);
        return std::fabs(value) < 1 ? SqlState::ok : SqlState::out_of_range;
    }
    if (error != std::errc() || end != text.data() + text.size()) return SqlState::invalid_cast;
    return SqlState::ok;
}

SqlState to_real(double value, double& real) {
    const auto narrow = static_cast<float>(value);
    if (std::isinf(narrow)) return SqlState::out_of_range;
    real = narrow;
    return SqlState::ok;
}

void append_decimal(std::string& out, std::int64_t value, int scale, bool leading_zero) {
    const bool negative = value < 0;
    const std::uint64_t magnitude =
        negative ? 0 - static_cast<std::uint64_t>(value) : static_cast<std::uint64_t>(value);
    std::string digits = fmt::format("{}", magnitude);
    if (negative) out += '-';
    if (scale == 0) {
        out += digits;
        return;
    }
    const auto places = static_cast<std::size_t>(scale);
    if (digits.size() <= places) {
        if (leading_zero) out += '0';
        out += '.';
        out.append(places - digits.size(), '0');
        out += digits;
        return;
    }
    out.append(digits, 0, digits.size() - places);
    out += '.';
    out.append(digits, digits.size() - places);
}

void append_double(std::string& out, double value, bool is_real) {
    char buffer[64];
    const auto end = is_real ? std::to_chars(buffer, buffer + sizeof(buffer), static_cast<float>(value),
                                             std::chars_format::scientific)
                             : std::to_chars(buffer, buffer + sizeof(buffer), value, std::chars_format::scientific);
    const std::string_view text(buffer, static_cast<std::size_t>(end.ptr - buffer));
    const std::size_t e = text.find('e');
    out += text.substr(0, e);
    int exponent = 0;
    std::string_view digits = text.substr(e + 1);
    if (digits.starts_with('+')) digits.remove_prefix(1);
    std::from_chars(digits.data(), digits.data() + digits.size(), exponent);
    fmt::format_to(std::back_inserter(out), "E{}", exponent);
}

void append_json_double(std::string& out, double value, bool is_real) {
    char buffer[64];
    const auto end = is_real ? std::to_chars(buffer, buffer + sizeof(buffer), static_cast<float>(value))
                             : std::to_chars(buffer, buffer + sizeof(buffer), value);
    out.append(buffer, static_cast<std::size_t>(end.ptr - buffer));
}

}  // namespace riacho::sql
