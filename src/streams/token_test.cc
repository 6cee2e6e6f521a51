#include "streams/token.h"

#include <gtest/gtest.h>

#include "base/base64.h"
#include "core/rng.h"

namespace riacho::streams {
namespace {

core::SeededRng rng(1);
const TokenSealer sealer({1, 2, 3}, rng);
const ShardIterator iterator{TimestampMs(1'700'000'000'000), 7, 3, 42, "orders"};

TEST(ShardIterator, survives_its_token) {
    const auto opened = open_iterator(sealer, seal_iterator(sealer, iterator));
    ASSERT_TRUE(opened);
    EXPECT_EQ(opened->issued_at, iterator.issued_at);
    EXPECT_EQ(opened->stream_uid, iterator.stream_uid);
    EXPECT_EQ(opened->shard_index, iterator.shard_index);
    EXPECT_EQ(opened->next_seq, iterator.next_seq);
    EXPECT_EQ(opened->stream_name, iterator.stream_name);
}

// data-streams spec 4.6: tokens have the form of AWS's, and every call returns a different one.
TEST(ShardIterator, looks_like_aws_and_never_twice_the_same) {
    const std::string token = seal_iterator(sealer, iterator);
    EXPECT_TRUE(token.starts_with("AAAAAAAAAA"));
    EXPECT_EQ((decode_base64(token)->size() - 8) % 16, 0U);
    EXPECT_LE(token.size(), 512U);
    EXPECT_NE(token, seal_iterator(sealer, iterator));
}

TEST(ShardIterator, with_the_longest_stream_name_fits_the_model) {
    ShardIterator longest = iterator;
    longest.stream_name = std::string(128, 'x');
    const std::string token = seal_iterator(sealer, longest);
    EXPECT_LE(token.size(), 512U);
    EXPECT_EQ(open_iterator(sealer, token)->stream_name, longest.stream_name);
}

TEST(ShardIterator, changed_in_any_byte_is_refused) {
    const std::string token = *decode_base64(seal_iterator(sealer, iterator));
    for (std::size_t i = 0; i < token.size(); ++i) {
        std::string changed = token;
        changed[i] = static_cast<char>(changed[i] ^ 1);
        EXPECT_FALSE(open_iterator(sealer, encode_base64(changed))) << "byte " << i;
    }
    for (std::size_t size = 0; size < token.size(); ++size) {
        EXPECT_FALSE(open_iterator(sealer, encode_base64(token.substr(0, size))));
    }
}

TEST(ShardIterator, of_another_key_or_kind_is_refused) {
    const TokenSealer other({9}, rng);
    EXPECT_FALSE(open_iterator(other, seal_iterator(sealer, iterator)));
    const PageToken page{TimestampMs(1), 7, "shardId-000000000003", "f"};
    EXPECT_FALSE(open_iterator(sealer, seal_page(sealer, TokenSealer::Kind::list_shards, page)));
    EXPECT_FALSE(
        open_page(sealer, TokenSealer::Kind::list_streams, seal_page(sealer, TokenSealer::Kind::list_shards, page)));
}

// AWS accepts a token in literal double quotes [prod].
TEST(ShardIterator, may_come_in_quotes) {
    EXPECT_TRUE(open_iterator(sealer, "\"" + seal_iterator(sealer, iterator) + "\""));
}

TEST(PageToken, survives_its_token) {
    const PageToken page{TimestampMs(5), 7, "shardId-000000000003", std::string("\0\1", 2)};
    const auto opened =
        open_page(sealer, TokenSealer::Kind::list_shards, seal_page(sealer, TokenSealer::Kind::list_shards, page));
    ASSERT_TRUE(opened);
    EXPECT_EQ(opened->stream_uid, page.stream_uid);
    EXPECT_EQ(opened->after, page.after);
    EXPECT_EQ(opened->filter, page.filter);
}

}  // namespace
}  // namespace riacho::streams
