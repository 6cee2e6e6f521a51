#include "streams/shards.h"

#include <gtest/gtest.h>

#include "streams/shard_id.h"
#include "streams/tags.h"
#include "streams/writer.h"

namespace riacho::streams {
namespace {

// data-streams spec 4.1 [prod]
TEST(ShardId, may_be_abbreviated) {
    EXPECT_EQ(parse_shard_id("shardId-000000000007"), 7);
    EXPECT_EQ(parse_shard_id("shard-0"), 0);
    EXPECT_EQ(parse_shard_id("0"), 0);
    EXPECT_EQ(parse_shard_id("foo-2"), 2);
    EXPECT_EQ(parse_shard_id("a-00002147483647"), 2'147'483'647);
    for (const char* bad : {"foo", "1e3", "-", "", "2147483648", "shardId--1", "x-+1", "a-1-2"}) {
        EXPECT_FALSE(parse_shard_id(bad)) << bad;
    }
    EXPECT_EQ(shard_id(7), "shardId-000000000007");
    for (const std::int32_t index : {0, 7, 10'000, 2'147'483'647})
        EXPECT_EQ(shard_id_text(index).view(), shard_id(index));
}

// data-streams spec 4.2
TEST(RoutingKey, is_the_md5_of_the_partition_key_as_a_big_endian_number) {
    EXPECT_EQ(format_u128(routing_key("a", std::nullopt)->hash), "16955237001963240173058271559858726497");
    EXPECT_EQ(format_u128(routing_key("é", std::nullopt)->hash), "136732923097551493579404309126273812335");
    EXPECT_EQ(format_u128(routing_key("日本", std::nullopt)->hash), "103341369634063465466164320543046703539");
    EXPECT_EQ(format_u128(routing_key("a", "12")->hash), "12");
    EXPECT_TRUE(routing_key("a", "340282366920938463463374607431768211455"));
    const auto beyond = routing_key("a", "340282366920938463463374607431768211456");
    ASSERT_FALSE(beyond);
    EXPECT_EQ(beyond.error().message,
              "Invalid ExplicitHashKey. ExplicitHashKey must be in the range: [0, 2^128-1]. Specified value was "
              "340282366920938463463374607431768211456");
}

TEST(Tags, take_the_characters_aws_takes) {
    for (const char* good : {"plain", "A_b.c/d=e+f-g@h", "with space", "ação", "名前", "50%", "a:b"})
        EXPECT_TRUE(has_tag_characters(good)) << good;
    for (const char* bad : {"a;b", "a,b", "tab\t", "line\n", "emoji😀", "ab*"})
        EXPECT_FALSE(has_tag_characters(bad)) << bad;
}

}  // namespace
}  // namespace riacho::streams
