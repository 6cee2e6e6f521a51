#include "cli/progress.h"

#include <gtest/gtest.h>

#include <limits>

namespace riacho::cli {
namespace {

TEST(Progress, durations_are_read_at_a_glance) {
    EXPECT_EQ(format_duration(0), "0:00");
    EXPECT_EQ(format_duration(9.6), "0:10");
    EXPECT_EQ(format_duration(125), "2:05");
    EXPECT_EQ(format_duration(3'723), "1:02:03");
    EXPECT_EQ(format_duration(200'000), "2 d");
    EXPECT_EQ(format_duration(std::numeric_limits<double>::infinity()), "years");
    EXPECT_EQ(format_duration(std::numeric_limits<double>::quiet_NaN()), "years");
}

TEST(Progress, one_is_singular) {
    EXPECT_EQ(count_of(0, "record"), "0 records");
    EXPECT_EQ(count_of(1, "record"), "1 record");
    EXPECT_EQ(count_of(1'000'000, "record"), "1000000 records");
}

}  // namespace
}  // namespace riacho::cli
