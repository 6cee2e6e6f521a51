#include "core/time_zone.h"

#include <string>

#include <gtest/gtest.h>

namespace riacho::core {
namespace {

std::shared_ptr<const TimeZone> load(std::string_view name) {
    const auto zone = TimeZone::load(name);
    EXPECT_TRUE(zone) << (zone ? "" : zone.error());
    return zone ? *zone : TimeZone::utc();
}

// A version 2 file without transitions, whose rule determines every offset.
std::string file_with_rule(const std::string& rule) {
    const std::string header = std::string("TZif2") + std::string(15, '\0');
    const auto counts = [](std::uint8_t kinds, std::uint8_t text) {
        std::string out(24, '\0');
        out[19] = static_cast<char>(kinds);
        out[23] = static_cast<char>(text);
        return out;
    };
    const std::string body = std::string(6, '\0') + std::string("LMT\0", 4);
    return header + counts(1, 4) + body + header + counts(1, 4) + body + "\n" + rule + "\n";
}

TEST(TimeZone, follows_daylight_saving_to_the_second) {
    const auto berlin = load("Europe/Berlin");
    const std::int64_t spring = 1'774'746'000'000;  // 2026-03-29T01:00:00Z
    EXPECT_EQ(berlin->at(TimestampMs(spring - 1)).offset_s, 3'600);
    EXPECT_EQ(berlin->at(TimestampMs(spring)).offset_s, 7'200);
    EXPECT_EQ(berlin->at(TimestampMs(spring)).abbreviation, "CEST");
    EXPECT_TRUE(berlin->at(TimestampMs(spring)).is_daylight);
    // Beyond the listed transitions, the rule applies.
    const std::int64_t summer_2061 = 2'888'000'000'000;
    EXPECT_EQ(berlin->at(TimestampMs(summer_2061)).offset_s, 7'200);
    EXPECT_EQ(load("Asia/Tokyo")->at(TimestampMs(spring)).offset_s, 9 * 3'600);
    EXPECT_EQ(load("Australia/Lord_Howe")->at(TimestampMs(spring)).offset_s, 11 * 3'600);
    EXPECT_EQ(load("UTC")->at(TimestampMs(spring)).offset_s, 0);
}

// Dublin's files mark the winter time as daylight saving, an hour behind.
TEST(TimeZone, negative_saving_is_told_as_everyone_else_tells_it) {
    const auto dublin = load("Europe/Dublin");
    EXPECT_FALSE(dublin->at(TimestampMs(1'768'000'000'000)).is_daylight);  // January 2026
    EXPECT_TRUE(dublin->at(TimestampMs(1'784'000'000'000)).is_daylight);   // July 2026
    EXPECT_FALSE(dublin->at(TimestampMs(2'872'000'000'000)).is_daylight);  // January 2061
}

TEST(TimeZone, knows_every_form_of_rule) {
    const std::int64_t day_ms = 86'400'000;
    const std::int64_t year_2024 = 1'704'067'200'000;  // a leap year
    const auto at = [&](const std::string& rule, std::int64_t ms) {
        const auto zone = TimeZone::parse("X", file_with_rule(rule));
        EXPECT_NE(zone, nullptr) << rule;
        return zone == nullptr ? -1 : zone->at(TimestampMs(ms)).offset_s;
    };
    EXPECT_EQ(at("<+0330>-3:30", year_2024), 12'600);
    // J60 is 1 March in every year; 59 is 29 February in this one.
    EXPECT_EQ(at("AAA0BBB,J60/0,J300", year_2024 + 60 * day_ms - 1), 0);
    EXPECT_EQ(at("AAA0BBB,J60/0,J300", year_2024 + 60 * day_ms), 3'600);
    EXPECT_EQ(at("AAA0BBB-2,59/0,300", year_2024 + 59 * day_ms), 7'200);
    // The southern half of the year is daylight at its ends.
    EXPECT_EQ(at("AAA3BBB,M10.3.0/0,M2.3.0/0", year_2024), -2 * 3'600);
    // A rule time before midnight, on the day before.
    EXPECT_EQ(at("<-02>2<-01>,M3.5.0/-1,M10.5.0/0", year_2024), -7'200);
    for (const std::string wrong : {"", "AAA", "AAA0BBB", "AAA0BBB,M13.1.0,M1.1.0", "AAA0BBB,M0.1.0,M1.1.0",
                                    "AAA0BBB,J0,J1", "AAA0,", "<AAA0", "AAA99"}) {
        if (wrong.empty()) continue;
        EXPECT_EQ(TimeZone::parse("X", file_with_rule(wrong)), nullptr) << wrong;
    }
}

TEST(TimeZone, refuses_names_that_are_no_zone) {
    for (const std::string_view name :
         {"Mars/Olympus", "../../etc/passwd", "/etc/passwd", "right/UTC", "localtime", "Europe", "zone.tab"}) {
        const auto zone = TimeZone::load(name);
        ASSERT_FALSE(zone) << name;
        EXPECT_EQ(zone.error(), "'" + std::string(name) + "' is not a time zone of the IANA database.");
    }
}

}  // namespace
}  // namespace riacho::core
