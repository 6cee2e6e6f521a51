#include "formats/java_time.h"

#include <fstream>
#include <sstream>

#include <gtest/gtest.h>

namespace riacho::formats {
namespace {

std::string format(std::string_view pattern, const ZonedTime& time) {
    const auto parsed = JavaTimePattern::parse(pattern);
    return parsed ? parsed->format(time) : "refused: " + parsed.error();
}

// Firehose spec 21, item 39; every letter with every zone is core/time_zone's and firehose/keys' golden test.
TEST(JavaTimePattern, prints_as_java_does) {
    const ZonedTime time{.instant = TimestampMs(1'535'365'805'123)};  // 2018-08-27T10:30:05.123Z
    EXPECT_EQ(format("yyyy/MM/dd/HH", time), "2018/08/27/10");
    EXPECT_EQ(format("'year='yyyy'/month='MM", time), "year=2018/month=08");
    EXPECT_EQ(format("DDD SSS Q e X", time), "239 123 3 2 Z");
    EXPECT_EQ(format("yyyy'o''clock'''", time), "2018o'clock'");
    // YYYY instead of yyyy, a common mistake: the pattern is valid, but prints the year of the week.
    const ZonedTime late{.instant = TimestampMs(1'577'664'000'000)};  // 2019-12-30
    EXPECT_EQ(format("YYYY/MM/DD", late), "2020/12/364");
    // Java 8 fails on these.
    EXPECT_EQ(format("nn", time), "123000000");
    const ZonedTime far{.instant = TimestampMs(INT64_MAX / 2)};
    EXPECT_EQ(format("yyyy-MM-dd", far), "9999-12-31");
}

TEST(JavaTimePattern, refuses_what_java_refuses) {
    EXPECT_EQ(JavaTimePattern::parse("yyyyb").error(), "Unknown pattern letter: b");
    EXPECT_EQ(JavaTimePattern::parse("ddd").error(), "Too many pattern letters: d");
    EXPECT_EQ(JavaTimePattern::parse("V").error(), "Pattern letter count is not allowed: V");
    EXPECT_EQ(JavaTimePattern::parse("yyyy'x").error(), "Pattern ends with an incomplete string literal: yyyy'x");
    EXPECT_EQ(JavaTimePattern::parse("yyyy]").error(), "Pattern invalid as it contains ] without previous [");
    EXPECT_EQ(JavaTimePattern::parse("yyyy#").error(), "Pattern includes reserved character: '#'");
    EXPECT_TRUE(JavaTimePattern::parse("[yyyy"));
    EXPECT_TRUE(JavaTimePattern::parse(""));
}

}  // namespace
}  // namespace riacho::formats
