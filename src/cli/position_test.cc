#include "cli/position.h"

#include <gtest/gtest.h>

namespace riacho::cli {
namespace {

using Kind = Position::Kind;
constexpr TimestampMs now{1'763'900'000'123};

std::int64_t time_of(std::string_view text) {
    const auto position = parse_position(text, now);
    if (!position || position->kind != Kind::at_timestamp) return -1;
    return position->time.value();
}

TEST(Position, words) {
    EXPECT_EQ(parse_position("latest", now)->kind, Kind::latest);
    EXPECT_EQ(parse_position("trim-horizon", now)->kind, Kind::trim_horizon);
    EXPECT_EQ(parse_position("TRIM_HORIZON", now)->kind, Kind::trim_horizon);
}

TEST(Position, times) {
    EXPECT_EQ(time_of("2025-11-23T12:13:20Z"), 1'763'900'000'000);
    EXPECT_EQ(time_of("2025-11-23 12:13:20"), 1'763'900'000'000);
    EXPECT_EQ(time_of("2025-11-23T12:13:20.5Z"), 1'763'900'000'500);
    EXPECT_EQ(time_of("2025-11-23T12:13:20.1239Z"), 1'763'900'000'123);
    EXPECT_EQ(time_of("2025-11-23T09:13:20-03:00"), 1'763'900'000'000);
    EXPECT_EQ(time_of("2025-11-23T14:13:20+0200"), 1'763'900'000'000);
    EXPECT_EQ(time_of("2025-11-23T12:13"), 1'763'899'980'000);
    EXPECT_EQ(time_of("2025-11-23"), 1'763'856'000'000);
    EXPECT_EQ(time_of("1763900000"), 1'763'900'000'000);
    EXPECT_EQ(time_of("1763900000.5"), 1'763'900'000'500);
}

TEST(Position, how_long_ago) {
    EXPECT_EQ(time_of("90s"), now.value() - 90'000);
    EXPECT_EQ(time_of("15m"), now.value() - 900'000);
    EXPECT_EQ(time_of("1.5h"), now.value() - 5'400'000);
    EXPECT_EQ(time_of("2d"), now.value() - 172'800'000);
}

TEST(Position, what_is_none) {
    for (const char* text : {"", "yesterday", "2025-13-01", "2025-02-30", "2025-11-23T25:00", "2025-11-23T12:13:20X",
                             "15y", "-5", "at:", "at:12", "after:x", "1e5", "nan"}) {
        EXPECT_FALSE(parse_position(text, now)) << text;
    }
}

TEST(Position, a_sequence_number_knows_its_shard) {
    constexpr std::string_view number = "49590338271490256608559692538361571095921575989136588898";
    const auto position = parse_position("after:" + std::string(number), now);
    ASSERT_TRUE(position);
    EXPECT_EQ(position->kind, Kind::after_sequence_number);
    EXPECT_EQ(position_members(*position),
              R"("ShardIteratorType":"AFTER_SEQUENCE_NUMBER","StartingSequenceNumber":")" + std::string(number) + "\"");
}

TEST(Position, members_of_a_time_have_milliseconds) {
    EXPECT_EQ(position_members(*parse_position("1763900000.007", now)),
              R"("ShardIteratorType":"AT_TIMESTAMP","Timestamp":1763900000.007)");
}

}  // namespace
}  // namespace riacho::cli
