#include "firehose/row.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "base/digest.h"
#include "catalog/progress.h"

namespace riacho::firehose {
namespace {

RowKey key(RowKey::Kind kind, std::uint32_t lane, std::uint64_t number) {
    RowKey made;
    made.kind = kind;
    made.lane = lane;
    made.number = number;
    return made;
}

TEST(RowKey, sorts_by_kind_lane_and_number) {
    const std::vector<RowKey> keys = {key(RowKey::Kind::batch, 0, 1), key(RowKey::Kind::batch, 0, 256),
                                      key(RowKey::Kind::batch, 1, 2), key(RowKey::Kind::cursor, 0, 3)};
    std::vector<std::string> encoded;
    for (const RowKey& one : keys) {
        encoded.push_back(encode(one));
        EXPECT_EQ(decode_row_key(encoded.back()), one);
        EXPECT_LE(encoded.back().size(), catalog::progress_key_size_max);
    }
    EXPECT_TRUE(std::ranges::is_sorted(encoded));
    EXPECT_FALSE(decode_row_key("c"));
    EXPECT_FALSE(decode_row_key(std::string(17, 'x')));
}

// Every later version must read rows on disk.
TEST(Rows, have_the_bytes_of_the_format) {
    const CursorRow cursor{.ordinal = 3, .index = 7, .floor = 300, .has_children = true};
    EXPECT_EQ(to_hex(encode(cursor)), "010307ac0201");
    EXPECT_EQ(decode_cursor_row(encode(cursor)), cursor);
    BatchRow batch;
    batch.state = BatchRow::State::done;
    batch.version = 2;
    batch.ranges = {{.ordinal = 1, .first = 5, .next = 9}, {.ordinal = 3, .first = 1, .next = 301}};
    batch.bytes = 130;
    batch.oldest = TimestampMs(1);
    batch.newest = TimestampMs(2);
    batch.sealed_at = TimestampMs(3);
    EXPECT_EQ(to_hex(encode(batch)),
              "0102020002010504"
              "0301ac02"
              "8201"
              "0100000000000000"
              "0200000000000000"
              "0300000000000000"
              "0000000000000000");
    EXPECT_EQ(decode_batch_row(encode(batch)), batch);
}

TEST(Rows, of_a_full_lane_fit_into_progress) {
    BatchRow batch;
    batch.version = UINT64_MAX;
    batch.bytes = UINT64_MAX;
    for (std::uint32_t i = 0; i < lane_shards_max; ++i) {
        const std::uint64_t first = (std::uint64_t{1} << 62) + i;
        batch.ranges.push_back({i, first, first + (std::uint64_t{1} << 34)});
    }
    EXPECT_LE(encode(batch).size(), catalog::progress_value_size_max);
    EXPECT_EQ(decode_batch_row(encode(batch)), batch);
}

TEST(Rows, that_are_cut_or_of_another_format_are_refused) {
    BatchRow batch;
    batch.ranges = {{.ordinal = 1, .first = 5, .next = 9}};
    const std::string bytes = encode(batch);
    for (std::size_t size = 0; size < bytes.size(); ++size) EXPECT_FALSE(decode_batch_row(bytes.substr(0, size)));
    EXPECT_FALSE(decode_batch_row(bytes + "x"));
    EXPECT_FALSE(decode_batch_row("\x02" + bytes.substr(1)));
    EXPECT_FALSE(decode_cursor_row(bytes));
}

}  // namespace
}  // namespace riacho::firehose
