#include "base/sequence_number.h"

#include <gtest/gtest.h>

#include <string>

#include "base/u128.h"

namespace riacho {
namespace {

SequenceNumber number(std::int32_t shard, std::uint64_t seq_ix, std::int64_t time_s) {
    SequenceNumber n;
    n.created_s = 1'700'000'000;
    n.shard_index = shard;
    n.seq_ix = seq_ix;
    n.time_s = time_s;
    return n;
}

struct Vector {
    SequenceNumber number;
    std::string_view text;
};
// data-streams spec 4.4; the first is also check 38.
const Vector vectors[] = {
    {number(0, 0, 1'700'000'000), "49646437577108476416916876405825929425585429676275269634"},
    {number(1, 0, 1'700'000'000), "49646437577130777162115407028967465143858078037781250066"},
    {number(17, 0, 1'700'000'000), "49646437577130777162115407028967465143858078037781250322"},
    {number(3, 5, 1'700'000'100), "49646437577175378652512468275256581209501454778614415410"},
    {number(0, closed_seq_ix, 1'700'000'200), "49646437577119626789516141717395488358902152971748900866"},
};

TEST(SequenceNumber, formats_and_parses_the_published_vectors) {
    for (const Vector& vector : vectors) {
        EXPECT_EQ(format_sequence_number(vector.number).view(), vector.text);
        EXPECT_EQ(parse_sequence_number(vector.text), vector.number);
    }
}

// Numbers that follow each other take a short cut: among them are carries between the thirds of the decimal number, and
// every field changes alone.
TEST(SequenceNumber, a_number_has_the_same_text_whatever_was_formatted_before) {
    for (const std::uint64_t start : {std::uint64_t{0}, (std::uint64_t{1} << 48) - 20'000, closed_seq_ix - 40'000}) {
        for (std::uint64_t seq_ix = start; seq_ix < start + 40'000; ++seq_ix) {
            const SequenceNumber n = number(17, seq_ix, 1'700'000'000);
            ASSERT_EQ(parse_sequence_number(format_sequence_number(n).view()), n) << seq_ix;
        }
    }
    SequenceNumber n = number(1, 5, 1'700'000'000);
    const auto expect_round_trip = [&] {
        ++n.seq_ix;
        ASSERT_EQ(parse_sequence_number(format_sequence_number(n).view()), n);
    };
    for (int i = 0; i < 3; ++i) {
        expect_round_trip();
        ++n.shard_index;
        expect_round_trip();
        ++n.time_s;
        expect_round_trip();
        ++n.created_s;
        expect_round_trip();
        n.seq_ix -= 2;
    }
}

TEST(SequenceNumber, round_trips_the_edges) {
    for (const std::int32_t shard : {-1, 0, 15, 16, 2'147'483'647}) {
        for (const std::uint64_t seq_ix : {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{1} << 31, closed_seq_ix}) {
            const SequenceNumber n = number(shard, seq_ix, 16'025'174'999);
            const SequenceText text = format_sequence_number(n);
            EXPECT_EQ(parse_sequence_number(text.view()), n);
            EXPECT_EQ(text.view().size(), 56U);
        }
    }
}

TEST(SequenceNumber, refuses_what_aws_refuses) {
    EXPECT_FALSE(parse_sequence_number(""));
    EXPECT_FALSE(parse_sequence_number("12x"));
    EXPECT_FALSE(parse_sequence_number(std::string(130, '1')));
    EXPECT_FALSE(parse_sequence_number(std::string(129, '9')));
    // 2 followed by zeros, by version digit: 1 and 2 are numbers, 0, 3 and 4 are not.
    const auto with_last = [](unsigned last) {
        U128 high = U128{2} << 56;
        std::string digits;
        // high * 2^128 + last, by long division through U128 halves.
        std::array<std::uint32_t, 6> words{
            last, 0, 0, 0, static_cast<std::uint32_t>(high), static_cast<std::uint32_t>(high >> 32)};
        bool zero = false;
        while (!zero) {
            std::uint64_t rest = 0;
            zero = true;
            for (std::size_t i = words.size(); i-- > 0;) {
                const std::uint64_t part = rest << 32 | words[i];
                words[i] = static_cast<std::uint32_t>(part / 10);
                rest = part % 10;
                zero = zero && words[i] == 0;
            }
            digits.insert(digits.begin(), static_cast<char>('0' + rest));
        }
        return digits;
    };
    EXPECT_TRUE(parse_sequence_number(with_last(1)));
    EXPECT_TRUE(parse_sequence_number(with_last(2)));
    EXPECT_FALSE(parse_sequence_number(with_last(0)));
    EXPECT_FALSE(parse_sequence_number(with_last(3)));
    EXPECT_FALSE(parse_sequence_number(with_last(4)));
}

TEST(SequenceNumber, zero_is_a_version_0_number) { EXPECT_EQ(parse_sequence_number("0")->version, 0); }

TEST(U128, parses_and_formats_the_whole_range) {
    EXPECT_EQ(format_u128(u128_max), "340282366920938463463374607431768211455");
    EXPECT_EQ(*parse_u128("340282366920938463463374607431768211455"), u128_max);
    EXPECT_FALSE(parse_u128("340282366920938463463374607431768211456"));
    EXPECT_FALSE(parse_u128(""));
    EXPECT_FALSE(parse_u128("-1"));
    EXPECT_EQ(format_u128(0), "0");
}

// data-streams spec 4.2
TEST(U128, splits_the_space_evenly) {
    EXPECT_EQ(even_shard_start(0, 1), 0U);
    EXPECT_EQ(format_u128(even_shard_start(1, 2)), "170141183460469231731687303715884105728");
    EXPECT_EQ(format_u128(even_shard_start(1, 3)), "113427455640312821154458202477256070485");
    EXPECT_EQ(format_u128(even_shard_start(2, 3)), "226854911280625642308916404954512140970");
    EXPECT_EQ(format_u128(even_shard_start(3, 4)), "255211775190703847597530955573826158592");
    EXPECT_EQ(format_u128(even_shard_start(4, 5)), "272225893536750770770699685945414569164");
    EXPECT_EQ(format_u128(even_shard_start(6, 7)), "291670600217947254397178234941515609816");
}

}  // namespace
}  // namespace riacho
