#include "cli/position.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <ctime>
#include <limits>
#include <optional>

#include "base/sequence_number.h"

namespace riacho::cli {
namespace {

// Removes a number of exactly `digits` digits from the front.
std::optional<int> take_digits(std::string_view& text, std::size_t digits) {
    if (text.size() < digits) return std::nullopt;
    int value = 0;
    for (std::size_t i = 0; i < digits; ++i) {
        if (text[i] < '0' || text[i] > '9') return std::nullopt;
        value = value * 10 + (text[i] - '0');
    }
    text.remove_prefix(digits);
    return value;
}

bool take(std::string_view& text, std::string_view allowed) {
    if (text.empty() || !allowed.contains(text.front())) return false;
    text.remove_prefix(1);
    return true;
}

// ".5" is 500; digits after the third are ignored.
int take_fraction_ms(std::string_view& text) {
    int ms = 0;
    int scale = 100;
    while (!text.empty() && text.front() >= '0' && text.front() <= '9') {
        ms += (text.front() - '0') * scale;
        scale /= 10;
        text.remove_prefix(1);
    }
    return ms;
}

// "Z", "+02:00", "-0300"; an empty text is UTC.
std::optional<std::int64_t> parse_offset_ms(std::string_view text) {
    if (text.empty() || text == "Z" || text == "z") return 0;
    const bool is_west = text.front() == '-';
    if (!take(text, "+-")) return std::nullopt;
    const auto hours = take_digits(text, 2);
    take(text, ":");
    const auto minutes = take_digits(text, 2);
    if (!hours || !minutes || *hours > 14 || *minutes > 59 || !text.empty()) return std::nullopt;
    const std::int64_t ms = (*hours * 60 + *minutes) * 60'000LL;
    return is_west ? -ms : ms;
}

// 2026-11-26, 2026-11-26T22:41, 2026-11-26 22:41:03.5-03:00
std::optional<TimestampMs> parse_date(std::string_view text) {
    std::tm utc{};
    const auto year = take_digits(text, 4);
    if (!year || !take(text, "-")) return std::nullopt;
    const auto month = take_digits(text, 2);
    if (!month || *month < 1 || *month > 12 || !take(text, "-")) return std::nullopt;
    const auto day = take_digits(text, 2);
    if (!day || *day < 1 || *day > 31) return std::nullopt;
    int ms = 0;
    if (take(text, "Tt ")) {
        const auto hour = take_digits(text, 2);
        if (!hour || *hour > 23 || !take(text, ":")) return std::nullopt;
        const auto minute = take_digits(text, 2);
        if (!minute || *minute > 59) return std::nullopt;
        utc.tm_hour = *hour;
        utc.tm_min = *minute;
        if (take(text, ":")) {
            const auto second = take_digits(text, 2);
            if (!second || *second > 60) return std::nullopt;
            utc.tm_sec = *second;
            if (take(text, ".,")) ms = take_fraction_ms(text);
        }
    }
    const auto offset_ms = parse_offset_ms(text);
    if (!offset_ms) return std::nullopt;
    utc.tm_year = *year - 1900;
    utc.tm_mon = *month - 1;
    utc.tm_mday = *day;
    const std::time_t seconds = ::timegm(&utc);
    if (utc.tm_mday != *day) return std::nullopt;  // the 31st of a month of 30 days
    return TimestampMs(static_cast<std::int64_t>(seconds) * 1'000 + ms - *offset_ms);
}

// 1763900000, 1763900000.123, or an age such as 15m.
std::optional<TimestampMs> parse_number(std::string_view text, TimestampMs now) {
    double value = 0;
    const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), value, std::chars_format::fixed);
    // from_chars accepts "nan", for which every comparison is false.
    if (fault != std::errc() || !(value >= 0 && value <= 1e11)) return std::nullopt;
    const std::string_view unit(end, text.data() + text.size());
    if (unit.empty()) return TimestampMs(static_cast<std::int64_t>(value * 1'000));
    struct Unit {
        std::string_view name;
        double ms;
    };
    static constexpr std::array<Unit, 4> units = {{{"s", 1e3}, {"m", 60e3}, {"h", 3'600e3}, {"d", 86'400e3}}};
    for (const Unit& known : units) {
        if (unit == known.name) return TimestampMs(now.value() - static_cast<std::int64_t>(value * known.ms));
    }
    return std::nullopt;
}

}  // namespace

Expected<Position, std::string> parse_position(std::string_view text, TimestampMs now) {
    using Kind = Position::Kind;
    Position position;
    if (text == "latest" || text == "LATEST") {
        position.kind = Kind::latest;
        return position;
    }
    if (text == "trim-horizon" || text == "trim_horizon" || text == "TRIM_HORIZON") return position;
    const bool is_at = text.starts_with("at:");
    if (is_at || text.starts_with("after:")) {
        text.remove_prefix(text.find(':') + 1);
        const auto number = parse_sequence_number(text);
        // Any short number parses as version 0; neither AWS nor riacho has records with such numbers today.
        if (!number || number->version == 0) return fail("is not a sequence number");
        position.kind = is_at ? Kind::at_sequence_number : Kind::after_sequence_number;
        position.sequence_number = text;
        position.shard_index = number->shard_index;
        return position;
    }
    position.kind = Kind::at_timestamp;
    auto time = parse_date(text);
    if (!time) time = parse_number(text, now);
    if (!time) return fail("is none of latest, trim-horizon, at:NUMBER, after:NUMBER, a time, or how long ago (15m)");
    position.time = *time;
    return position;
}

std::string position_members(const Position& position) {
    const auto numbered = [&](std::string_view type) {
        return fmt::format(R"("ShardIteratorType":"{}","StartingSequenceNumber":"{}")", type, position.sequence_number);
    };
    switch (position.kind) {
        case Position::Kind::latest:
            return R"("ShardIteratorType":"LATEST")";
        case Position::Kind::trim_horizon:
            return R"("ShardIteratorType":"TRIM_HORIZON")";
        case Position::Kind::at_timestamp:
            return fmt::format(R"("ShardIteratorType":"AT_TIMESTAMP","Timestamp":{}.{:03})",
                               position.time.value() / 1'000, position.time.value() % 1'000);
        case Position::Kind::at_sequence_number:
            return numbered("AT_SEQUENCE_NUMBER");
        case Position::Kind::after_sequence_number:
            return numbered("AFTER_SEQUENCE_NUMBER");
    }
    return {};
}

}  // namespace riacho::cli
