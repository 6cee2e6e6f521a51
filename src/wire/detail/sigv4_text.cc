#include "wire/detail/sigv4_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <utility>
#include <vector>

namespace riacho::wire::sigv4::detail {
namespace {

bool is_unreserved(char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
           c == '_' || c == '~';
}

int hex_value(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

// Parses a number of which every character must be a digit.
std::optional<int> parse_digits(std::string_view text) {
    int value = 0;
    for (const char c : text) {
        if (c < '0' || c > '9') return std::nullopt;
        value = value * 10 + (c - '0');
    }
    return value;
}

struct Civil {
    std::optional<int> year, month, day, hour, minute, second;
};

std::optional<TimestampMs> to_time(const Civil& civil) {
    if (!civil.year || !civil.month || !civil.day || !civil.hour || !civil.minute || !civil.second) return std::nullopt;
    const std::chrono::year_month_day date{std::chrono::year(*civil.year),
                                           std::chrono::month(static_cast<unsigned>(*civil.month)),
                                           std::chrono::day(static_cast<unsigned>(*civil.day))};
    if (!date.ok() || *civil.hour > 23 || *civil.minute > 59 || *civil.second > 60) return std::nullopt;
    const std::int64_t days = std::chrono::sys_days(date).time_since_epoch().count();
    const std::int64_t seconds = ((days * 24 + *civil.hour) * 60 + *civil.minute) * 60 + *civil.second;
    return TimestampMs(seconds * 1000);
}

}  // namespace

void append_percent_encoded(std::string& out, std::string_view text, bool keep_slash) {
    static constexpr char digits[] = "0123456789ABCDEF";
    for (const char c : text) {
        if (is_unreserved(c) || (keep_slash && c == '/')) {
            out.push_back(c);
            continue;
        }
        const auto byte = static_cast<std::uint8_t>(c);
        out.push_back('%');
        out.push_back(digits[byte >> 4]);
        out.push_back(digits[byte & 0x0F]);
    }
}

std::string percent_decoded(std::string_view text) {
    std::string result;
    result.reserve(text.size());
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '%' && i + 2 < text.size() && hex_value(text[i + 1]) >= 0 && hex_value(text[i + 2]) >= 0) {
            result.push_back(static_cast<char>(hex_value(text[i + 1]) * 16 + hex_value(text[i + 2])));
            i += 2;
        } else {
            result.push_back(text[i]);
        }
    }
    return result;
}

std::string iso_basic(TimestampMs time) {
    const std::chrono::sys_seconds instant{
        std::chrono::floor<std::chrono::seconds>(std::chrono::milliseconds(time.value()))};
    const auto day = std::chrono::floor<std::chrono::days>(instant);
    const std::chrono::year_month_day date{day};
    const std::chrono::hh_mm_ss clock{instant - day};
    return fmt::format("{:04}{:02}{:02}T{:02}{:02}{:02}Z", static_cast<int>(date.year()),
                       static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()), clock.hours().count(),
                       clock.minutes().count(), clock.seconds().count());
}

std::optional<TimestampMs> parse_iso_basic(std::string_view text) {
    if (text.size() != 16 || text[8] != 'T' || text[15] != 'Z') return std::nullopt;
    return to_time({.year = parse_digits(text.substr(0, 4)),
                    .month = parse_digits(text.substr(4, 2)),
                    .day = parse_digits(text.substr(6, 2)),
                    .hour = parse_digits(text.substr(9, 2)),
                    .minute = parse_digits(text.substr(11, 2)),
                    .second = parse_digits(text.substr(13, 2))});
}

std::optional<TimestampMs> parse_http_date(std::string_view text) {
    static constexpr std::string_view months = "JanFebMarAprMayJunJulAugSepOctNovDec";
    // "Sun, 22 Nov 2026 00:00:00 GMT"
    if (text.size() != 29 || text.substr(3, 2) != ", " || text.substr(25) != " GMT") return std::nullopt;
    const std::size_t month = months.find(text.substr(8, 3));
    if (month == std::string_view::npos || month % 3 != 0) return std::nullopt;
    return to_time({.year = parse_digits(text.substr(12, 4)),
                    .month = static_cast<int>(month / 3) + 1,
                    .day = parse_digits(text.substr(5, 2)),
                    .hour = parse_digits(text.substr(17, 2)),
                    .minute = parse_digits(text.substr(20, 2)),
                    .second = parse_digits(text.substr(23, 2))});
}

std::optional<TimestampMs> parse_iso_date(std::string_view text) {
    constexpr std::size_t seconds_size = 19;
    constexpr std::size_t fraction_max = 9;
    if (text.size() < seconds_size + 1 || !text.ends_with('Z')) return std::nullopt;
    for (const auto& [at, mark] : {std::pair<std::size_t, char>{4, '-'}, {7, '-'}, {10, 'T'}, {13, ':'}, {16, ':'}}) {
        if (text[at] != mark) return std::nullopt;
    }
    const auto seconds = to_time({.year = parse_digits(text.substr(0, 4)),
                                  .month = parse_digits(text.substr(5, 2)),
                                  .day = parse_digits(text.substr(8, 2)),
                                  .hour = parse_digits(text.substr(11, 2)),
                                  .minute = parse_digits(text.substr(14, 2)),
                                  .second = parse_digits(text.substr(17, 2))});
    std::string_view fraction = text.substr(seconds_size, text.size() - seconds_size - 1);
    if (!seconds || fraction.empty()) return seconds;
    const bool has_digits = fraction.size() >= 2 && fraction.size() <= fraction_max + 1 && fraction.front() == '.';
    fraction.remove_prefix(1);
    if (!has_digits || !std::ranges::all_of(fraction, [](char c) { return c >= '0' && c <= '9'; })) return std::nullopt;
    std::string milliseconds(fraction.substr(0, 3));
    milliseconds.resize(3, '0');
    return seconds->plus(*parse_digits(milliseconds));
}

std::string shown(std::string_view text) {
    constexpr std::size_t size_max = 1024;
    std::string result(text.substr(0, size_max));
    for (char& c : result) {
        // Bytes beyond ASCII (negative) are replaced, because the cut could split a character.
        if ((c < ' ' && c != '\n') || c == '\x7F') c = '?';
    }
    return result;
}

std::string canonical_path(std::string_view path) {
    if (path.empty() || path == "/") return "/";
    std::vector<std::string_view> segments;
    bool ends_with_slash = false;
    for (std::size_t at = 0; at <= path.size();) {
        const std::size_t end = std::min(path.find('/', at), path.size());
        const std::string_view segment = path.substr(at, end - at);
        ends_with_slash = segment.empty() || segment == "." || segment == "..";
        if (segment == "..") {
            if (!segments.empty()) segments.pop_back();
        } else if (!segment.empty() && segment != ".") {
            segments.push_back(segment);
        }
        at = end + 1;
    }
    std::string result;
    for (const std::string_view segment : segments) {
        result.push_back('/');
        append_percent_encoded(result, segment, false);
    }
    if (ends_with_slash || result.empty()) result.push_back('/');
    return result;
}

std::string canonical_s3_path(std::string_view path) {
    if (path.empty()) return "/";
    std::string result;
    append_percent_encoded(result, percent_decoded(path), true);
    return result;
}

std::string canonical_query(std::string_view query) {
    std::vector<std::pair<std::string, std::string>> pairs;
    while (!query.empty()) {
        const std::size_t end = std::min(query.find('&'), query.size());
        const std::string_view pair = query.substr(0, end);
        query.remove_prefix(std::min(end + 1, query.size()));
        if (pair.empty()) continue;
        const std::size_t equals = std::min(pair.find('='), pair.size());
        const std::string name = percent_decoded(pair.substr(0, equals));
        if (name == "X-Amz-Signature") continue;
        auto& [encoded_name, encoded_value] = pairs.emplace_back();
        append_percent_encoded(encoded_name, name, false);
        append_percent_encoded(encoded_value, percent_decoded(pair.substr(std::min(equals + 1, pair.size()))), false);
    }
    std::ranges::sort(pairs);
    std::string result;
    for (const auto& [name, value] : pairs) {
        if (!result.empty()) result.push_back('&');
        result += name;
        result.push_back('=');
        result += value;
    }
    return result;
}

void append_canonical_value(std::string& out, std::string_view value) {
    const auto is_space = [](char c) { return c == ' ' || c == '\t'; };
    while (!value.empty() && is_space(value.front())) value.remove_prefix(1);
    while (!value.empty() && is_space(value.back())) value.remove_suffix(1);
    bool after_space = false;
    for (const char c : value) {
        if (c == ' ' && after_space) continue;
        after_space = c == ' ';
        out.push_back(c);
    }
}

}  // namespace riacho::wire::sigv4::detail
