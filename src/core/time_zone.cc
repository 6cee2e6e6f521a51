#include "core/time_zone.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <system_error>
#include <utility>

namespace riacho::core {
namespace {

constexpr std::size_t file_size_max = std::size_t{64} << 10;  // the largest zone file has 4 KiB
constexpr std::size_t name_size_max = 64;
constexpr std::int64_t day_s = 86'400;
constexpr std::int32_t offset_s_max = 26 * 3'600;  // RFC 8536 recommends -25 to +26 hours

// Big-endian numbers; after a read past the end ok() is false.
class Reader {
public:
    explicit Reader(std::string_view bytes) : left_(bytes) {}
    std::string_view take(std::uint64_t size) {
        if (size > left_.size()) {
            ok_ = false;
            return {};
        }
        const std::string_view taken = left_.substr(0, static_cast<std::size_t>(size));
        left_.remove_prefix(taken.size());
        return taken;
    }
    std::uint64_t number(std::size_t size) {
        std::uint64_t value = 0;
        for (const char c : take(size)) value = value << 8 | static_cast<std::uint8_t>(c);
        return value;
    }
    [[nodiscard]] bool ok() const { return ok_; }
    [[nodiscard]] std::string_view left() const { return left_; }

private:
    std::string_view left_;
    bool ok_ = true;
};

struct Header {
    char version = 0;
    std::uint64_t ut_count = 0, std_count = 0, leap_count = 0, transition_count = 0, kind_count = 0, text_size = 0;

    [[nodiscard]] std::uint64_t body_size(std::size_t time_size) const {
        return transition_count * (time_size + 1) + kind_count * 6 + text_size + leap_count * (time_size + 4) +
               std_count + ut_count;
    }
};

std::optional<Header> read_header(Reader& reader) {
    if (reader.take(4) != "TZif") return std::nullopt;
    Header header;
    header.version = static_cast<char>(reader.number(1));
    reader.take(15);
    for (std::uint64_t* count : {&header.ut_count, &header.std_count, &header.leap_count, &header.transition_count,
                                 &header.kind_count, &header.text_size}) {
        *count = reader.number(4);
    }
    if (!reader.ok() || header.kind_count == 0 || header.kind_count > 256) return std::nullopt;
    return header;
}

// The text of a POSIX TZ rule, from the front.
class RuleText {
public:
    explicit RuleText(std::string_view text) : left_(text) {}
    [[nodiscard]] bool ok() const { return ok_; }
    [[nodiscard]] bool at_end() const { return left_.empty(); }
    [[nodiscard]] bool next_is(char c) const { return left_.starts_with(c); }
    bool skip(char c) {
        if (!next_is(c)) return false;
        left_.remove_prefix(1);
        return true;
    }
    void want(char c) { ok_ = skip(c) && ok_; }
    int number(int max) {
        int value = 0;
        std::size_t digits = 0;
        while (!left_.empty() && left_.front() >= '0' && left_.front() <= '9' && digits < 4) {
            value = value * 10 + (left_.front() - '0');
            left_.remove_prefix(1);
            ++digits;
        }
        if (digits == 0 || value > max) ok_ = false;
        return ok_ ? value : 0;
    }
    // A zone abbreviation: letters, or any characters between "<" and ">".
    std::string name() {
        const bool quoted = skip('<');
        std::size_t size = 0;
        const auto belongs = [&](char c) {
            return quoted ? c != '>' : (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
        };
        while (size < left_.size() && belongs(left_[size])) ++size;
        std::string text(left_.substr(0, size));
        left_.remove_prefix(size);
        if (quoted) want('>');
        if (text.empty()) ok_ = false;
        return text;
    }
    // [+-]hh[:mm[:ss]], in seconds.
    std::int32_t span() {
        const bool negative = skip('-');
        if (!negative) skip('+');
        std::int32_t value = number(167) * 3'600;
        if (skip(':')) {
            value += number(59) * 60;
            if (skip(':')) value += number(59);
        }
        return negative ? -value : value;
    }

private:
    std::string_view left_;
    bool ok_ = true;
};

ZoneRuleDay read_day(RuleText& text) {
    using Kind = ZoneRuleDay::Kind;
    ZoneRuleDay day;
    if (text.skip('M')) {
        day.kind = Kind::weekday;
        day.month = text.number(12);
        text.want('.');
        day.week = text.number(5);
        text.want('.');
        day.day = text.number(6);
    } else if (text.skip('J')) {
        day.day = text.number(365);
    } else {
        day.kind = Kind::zero_based;
        day.day = text.number(365);
    }
    if (text.skip('/')) day.time_s = text.span();
    return day;
}

bool is_possible(const ZoneRuleDay& day) {
    switch (day.kind) {
        case ZoneRuleDay::Kind::julian:
            return day.day >= 1;
        case ZoneRuleDay::Kind::zero_based:
            return true;
        case ZoneRuleDay::Kind::weekday:
            return day.month >= 1 && day.week >= 1;
    }
    return false;
}

std::optional<ZoneRule> read_rule(std::string_view footer) {
    RuleText text(footer);
    ZoneRule rule;
    rule.standard.abbreviation = text.name();
    rule.standard.offset_s = -text.span();
    if (text.ok() && !text.at_end()) {
        ZoneKind& daylight = rule.daylight.emplace();
        daylight.is_dst = true;
        daylight.abbreviation = text.name();
        daylight.offset_s = text.next_is(',') ? rule.standard.offset_s + 3'600 : -text.span();
        text.want(',');
        rule.begins = read_day(text);
        text.want(',');
        rule.ends = read_day(text);
        if (!is_possible(rule.begins) || !is_possible(rule.ends)) return std::nullopt;
        if (std::abs(daylight.offset_s) > offset_s_max) return std::nullopt;
    }
    if (!text.ok() || !text.at_end() || std::abs(rule.standard.offset_s) > offset_s_max) return std::nullopt;
    return rule;
}

constexpr bool is_leap(std::int64_t year) { return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0; }
constexpr std::int64_t days_before_year(std::int64_t year) {
    const std::int64_t y = year - 1;
    return 365 * y + y / 4 - y / 100 + y / 400 - 719'162;
}
constexpr int month_size(std::int64_t year, int month) {
    constexpr std::array<int, 12> sizes{31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return sizes[static_cast<std::size_t>(month - 1)] + (month == 2 && is_leap(year) ? 1 : 0);
}

// The local second, counted as if the zone were UTC, of a rule's change in a year.
std::int64_t second_of(const ZoneRuleDay& rule, std::int64_t year) {
    std::int64_t day = days_before_year(year);
    switch (rule.kind) {
        case ZoneRuleDay::Kind::julian:
            day += rule.day - 1 + (is_leap(year) && rule.day >= 60 ? 1 : 0);
            break;
        case ZoneRuleDay::Kind::zero_based:
            day += rule.day;
            break;
        case ZoneRuleDay::Kind::weekday: {
            for (int month = 1; month < rule.month; ++month) day += month_size(year, month);
            const auto first = static_cast<int>(((day + 4) % 7 + 7) % 7);
            int of_month = (rule.day - first + 7) % 7 + (rule.week - 1) * 7;
            if (of_month >= month_size(year, rule.month)) of_month -= 7;
            day += of_month;
            break;
        }
    }
    return day * day_s + rule.time_s;
}

bool is_zone_name(std::string_view name) {
    const auto legal = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '/' || c == '_' ||
               c == '-' || c == '+';
    };
    // Entries beside the zones: the machine's own zone, and copies of all zones that count seconds differently.
    for (const std::string_view other : {"right/", "posix/", "posixrules", "localtime"}) {
        if (name.starts_with(other)) return false;
    }
    return !name.empty() && name.size() <= name_size_max && !name.starts_with('/') && std::ranges::all_of(name, legal);
}

// The error is errno.
Expected<std::string, int> read_file(const std::string& path) {
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) return fail(errno);
    std::string content(file_size_max, '\0');
    std::size_t size = 0;
    int error = 0;
    while (size < content.size()) {
        const ssize_t n = ::read(fd, content.data() + size, content.size() - size);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) error = errno;
        if (n <= 0) break;
        size += static_cast<std::size_t>(n);
    }
    ::close(fd);
    if (error != 0) return fail(error);
    content.resize(size);
    return content;
}

}  // namespace

std::shared_ptr<const TimeZone> TimeZone::utc() {
    static const std::shared_ptr<const TimeZone> zone = [] {
        auto made = std::make_shared<TimeZone>();
        made->name_ = "UTC";
        made->kinds_.push_back({.abbreviation = "UTC"});
        return made;
    }();
    return zone;
}

Expected<std::shared_ptr<const TimeZone>, std::string> TimeZone::load(std::string_view name) {
    if (name.empty() || name == "UTC") return utc();
    const std::string shown(name.substr(0, name_size_max));
    if (!is_zone_name(name)) return fail("'" + shown + "' is not a time zone of the IANA database.");
    const char* directory = std::getenv("TZDIR");
    const std::string root = directory != nullptr && *directory != '\0' ? directory : "/usr/share/zoneinfo";
    const auto content = read_file(root + "/" + std::string(name));
    if (!content) {
        const int error = content.error();
        const bool is_unknown = error == ENOENT || error == ENOTDIR || error == EISDIR;
        if (is_unknown && ::access(root.c_str(), R_OK) == 0) {
            return fail("'" + shown + "' is not a time zone of the IANA database.");
        }
        return fail("The time zones of this machine cannot be read (" + root + ": " +
                    std::generic_category().message(error) + "); the package tzdata has them.");
    }
    auto zone = parse(name, *content);
    if (zone == nullptr) return fail("'" + shown + "' is not a time zone of the IANA database.");
    return zone;
}

std::shared_ptr<const TimeZone> TimeZone::parse(std::string_view name, std::string_view content) {
    Reader reader(content);
    auto header = read_header(reader);
    if (!header) return nullptr;
    std::size_t time_size = 4;
    if (header->version >= '2') {
        // The 64-bit block repeats the header and the data.
        reader.take(header->body_size(4));
        header = read_header(reader);
        if (!header) return nullptr;
        time_size = 8;
    }
    Reader times(reader.take(header->transition_count * time_size));
    const std::string_view indexes = reader.take(header->transition_count);
    Reader kinds(reader.take(header->kind_count * 6));
    const std::string_view texts = reader.take(header->text_size);
    reader.take(header->leap_count * (time_size + 4) + header->std_count + header->ut_count);
    if (!reader.ok()) return nullptr;

    auto zone = std::make_shared<TimeZone>();
    zone->name_ = name;
    for (std::uint64_t i = 0; i < header->kind_count; ++i) {
        ZoneKind kind;
        kind.offset_s = static_cast<std::int32_t>(static_cast<std::uint32_t>(kinds.number(4)));
        kind.is_dst = kinds.number(1) != 0;
        const auto text = static_cast<std::size_t>(kinds.number(1));
        if (text >= texts.size() || kind.offset_s > offset_s_max || kind.offset_s < -offset_s_max) return nullptr;
        kind.abbreviation = texts.substr(text, texts.find('\0', text) - text);
        zone->kinds_.push_back(std::move(kind));
    }
    for (const char index : indexes) {
        const auto kind = static_cast<std::uint8_t>(index);
        const std::uint64_t raw = times.number(time_size);
        const auto at = time_size == 8 ? static_cast<std::int64_t>(raw)
                                       : std::int64_t{static_cast<std::int32_t>(static_cast<std::uint32_t>(raw))};
        // Files begin with -2^59 at the earliest, before there was anything.
        constexpr std::int64_t far_s = std::int64_t{1} << 60;
        if (kind >= zone->kinds_.size() || at < -far_s || at > far_s) return nullptr;
        if (!zone->transitions_.empty() && zone->transitions_.back().at_s >= at) return nullptr;
        zone->transitions_.push_back({.at_s = at, .kind = kind});
    }
    for (std::size_t i = 0; i < zone->transitions_.size(); ++i) {
        const bool is_dst = zone->kinds_[zone->transitions_[i].kind].is_dst;
        zone->transitions_[i].daylight = is_dst != zone->is_negative_saving(i) ? 1 : 0;
    }
    if (time_size == 8) {
        std::string_view footer = reader.left();
        if (footer.size() < 2 || footer.front() != '\n') return nullptr;
        footer.remove_prefix(1);
        footer = footer.substr(0, footer.find('\n'));
        if (!footer.empty()) {
            zone->rule_ = read_rule(footer);
            if (!zone->rule_) return nullptr;
        }
    }
    return zone;
}

// Whether the period that begins at this transition belongs to a pair whose "daylight" period has the smaller UTC
// offset.
bool TimeZone::is_negative_saving(std::size_t transition) const {
    constexpr std::int64_t year_s = 370 * day_s;
    const ZoneKind& here = kinds_[transitions_[transition].kind];
    const auto is_pair = [&](std::size_t other) {
        const ZoneKind& there = kinds_[transitions_[other].kind];
        const std::int64_t apart =
            transitions_[std::max(other, transition)].at_s - transitions_[std::min(other, transition)].at_s;
        if (here.is_dst == there.is_dst || apart > year_s) return false;
        return here.is_dst ? here.offset_s < there.offset_s : there.offset_s < here.offset_s;
    };
    if (transition + 1 < transitions_.size() && is_pair(transition + 1)) return true;
    return transition > 0 && is_pair(transition - 1);
}

TimeZone::At TimeZone::at_rule(std::int64_t second) const {
    const ZoneRule& rule = *rule_;
    if (!rule.daylight) return {rule.standard.offset_s, false, rule.standard.abbreviation};
    // 400 years have 146,097 days; the day is clamped to the years 1 to 9999.
    const std::int64_t local_day =
        std::clamp<std::int64_t>((second + rule.standard.offset_s) / day_s, -719'162, 2'932'896);
    std::int64_t year = std::max<std::int64_t>(1, (local_day + 719'162) * 400 / 146'097 + 1);
    while (days_before_year(year) > local_day) --year;
    while (days_before_year(year + 1) <= local_day) ++year;
    const std::int64_t begins = second_of(rule.begins, year) - rule.standard.offset_s;
    const std::int64_t ends = second_of(rule.ends, year) - rule.daylight->offset_s;
    const bool is_dst = begins < ends ? second >= begins && second < ends : second >= begins || second < ends;
    const ZoneKind& kind = is_dst ? *rule.daylight : rule.standard;
    const bool is_negative = rule.daylight->offset_s < rule.standard.offset_s;
    return {kind.offset_s, is_dst != is_negative, kind.abbreviation};
}

TimeZone::At TimeZone::at(TimestampMs instant) const {
    std::int64_t second = instant.value() / 1'000;
    if (instant.value() % 1'000 < 0) --second;
    if (rule_ && (transitions_.empty() || second >= transitions_.back().at_s)) return at_rule(second);
    const auto after = std::ranges::upper_bound(transitions_, second, {}, &Transition::at_s);
    if (after == transitions_.begin()) return {kinds_[0].offset_s, false, kinds_[0].abbreviation};
    const Transition& last = *(after - 1);
    const ZoneKind& kind = kinds_[last.kind];
    return {kind.offset_s, last.daylight != 0, kind.abbreviation};
}

}  // namespace riacho::core
