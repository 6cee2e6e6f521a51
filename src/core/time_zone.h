// TimeZone: offsets of the IANA time zones at any instant, from the machine's zone files (TZif, RFC 8536).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"

namespace riacho::core {

// The rule of a POSIX TZ string, for instants after the last transition: "CET-1CEST,M3.5.0,M10.5.0/3".
struct ZoneRuleDay {
    enum class Kind : std::uint8_t { julian, zero_based, weekday } kind = Kind::julian;
    int day = 0;                  // 1 to 365 without 29 February; 0 to 365; or the weekday, 0 being Sunday
    int month = 0;                // for weekdays: 1 to 12
    int week = 0;                 // 1 to 5, 5 being the last
    std::int32_t time_s = 7'200;  // time of that day in seconds; may be negative or beyond the day's end
};
// A local time type of a zone (TZif ttinfo).
struct ZoneKind {
    std::int32_t offset_s = 0;
    bool is_dst = false;  // as the file states it
    std::string abbreviation;
};
struct ZoneRule {
    ZoneKind standard;
    std::optional<ZoneKind> daylight;
    ZoneRuleDay begins, ends;  // of daylight time
};

// Immutable, so thread-safe.
class TimeZone {
public:
    static std::shared_ptr<const TimeZone> utc();
    // Reads a file of TZDIR, else of /usr/share/zoneinfo; blocking, a few KiB. "UTC" needs no file. The error is a
    // sentence.
    static Expected<std::shared_ptr<const TimeZone>, std::string> load(std::string_view name);
    // Parses the content of a zone file. Null if it is not a valid one.
    static std::shared_ptr<const TimeZone> parse(std::string_view name, std::string_view content);

    struct At {
        std::int32_t offset_s = 0;  // east of UTC
        // Local time is ahead of the zone's standard time. Where the zone's file marks the winter time as daylight
        // saving with a negative offset (Dublin), this flag follows common usage: true in summer.
        bool is_daylight = false;
        std::string_view abbreviation;  // "CEST"; lives as long as the zone
    };
    [[nodiscard]] At at(TimestampMs instant) const;
    [[nodiscard]] const std::string& name() const { return name_; }

private:
    [[nodiscard]] At at_rule(std::int64_t second) const;
    [[nodiscard]] bool is_negative_saving(std::size_t transition) const;

    struct Transition {
        std::int64_t at_s;
        std::uint8_t kind;
        std::int8_t daylight = 0;  // see At::is_daylight
    };
    std::string name_;
    std::vector<ZoneKind> kinds_;  // at least one, which holds before the first transition
    std::vector<Transition> transitions_;
    std::optional<ZoneRule> rule_;
};

}  // namespace riacho::core
