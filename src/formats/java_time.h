// Patterns of Java's DateTimeFormatter, as in "yyyy/MM/dd/HH", for `!{timestamp:...}` in Firehose's prefixes. AWS: Java
// 8's letters, in English and with weeks as in the United States (firehose spec 9.2).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"

namespace riacho::formats {

// An instant in a time zone.
struct ZonedTime {
    TimestampMs instant{};
    std::int32_t offset_s = 0;              // east of UTC, at that instant
    bool is_daylight = false;               // clocks are ahead of standard time
    std::string_view zone_id = "UTC";       // as given: "Europe/Berlin"
    std::string_view abbreviation = "UTC";  // for zones without a name in Java
};

// A parsed pattern. Letters: G u y Y D M L Q q w W d E e c F a H k K h m s S A n N V z O X x Z, with the widths that
// Java 8 accepts; quoted text; optional sections, which are always printed. Where Java 8 fails to format a number that
// is longer than its letters, the number is printed whole.
class JavaTimePattern {
public:
    // The error is a sentence, close to Java's: "Unknown pattern letter: b".
    static Expected<JavaTimePattern, std::string> parse(std::string_view pattern);

    // Years from 1 to 9999; earlier and later times are printed as the nearest of them.
    void append(std::string& out, const ZonedTime& time) const;
    [[nodiscard]] std::string format(const ZonedTime& time) const;

private:
    struct Element {
        char letter = 0;  // 0: the literal
        std::uint8_t count = 0;
        std::string literal;
    };
    Expected<void, std::string> add_letters(char letter, std::size_t count);
    void add_literal(std::string_view text);

    std::vector<Element> elements_;
};

}  // namespace riacho::formats
