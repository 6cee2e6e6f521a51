#include "media/fragment_number.h"

#include <gtest/gtest.h>

#include <string>

namespace riacho::media {
namespace {

// video spec 3.7: public samples of 2017 and 2022
TEST(FragmentNumber, is_what_aws_prints) {
    const FragmentNumber first{.sequence = 1, .server_ms = 1'511'852'109'126, .random28 = 0xFEEEF70};
    EXPECT_EQ(to_text(first), "91343852333181432392682062607743920146159169392");
    EXPECT_EQ(parse_fragment_number("91343852333181432392682062607743920146159169392"), first);
    const FragmentNumber later{.sequence = 732'006, .server_ms = 1'643'353'247'067, .random28 = 0x45FC8EF};
    EXPECT_EQ(to_text(later), "91343852333185057105875891022195998207386831087");
    EXPECT_EQ(parse_fragment_number("91343852333185057105875891022195998207386831087"), later);
    EXPECT_LT(first, later);
}

TEST(FragmentNumber, keeps_47_digits_to_its_last_sequence) {
    for (const std::uint64_t sequence : {std::uint64_t{0}, std::uint64_t{1} << 36, fragment_sequence_end - 1}) {
        const FragmentNumber number{
            .sequence = sequence, .server_ms = ~std::uint64_t{0} >> 1, .random28 = (1U << 28) - 1};
        EXPECT_EQ(to_text(number).size(), 47U);
        EXPECT_EQ(parse_fragment_number(to_text(number)), number);
    }
}

TEST(FragmentNumber, other_texts_name_no_fragment) {
    for (const char* text :
         {"", "1", "91343852333181432392682062607743920146159169392x",
          "9134385233318143239268206260774392014615916939x", "00000000000000000000000000000000000000000000001",
          "99999999999999999999999999999999999999999999999", " 1343852333181432392682062607743920146159169392"}) {
        EXPECT_FALSE(parse_fragment_number(text)) << text;
    }
}

TEST(FragmentNumber, a_place_lies_between_numbers_whatever_its_length) {
    const FragmentNumber number{.sequence = 5, .server_ms = 7, .random28 = 9};
    EXPECT_EQ(parse_fragment_place(to_text(number)), number);
    EXPECT_LT(*parse_fragment_place("0"), number);
    EXPECT_LT(*parse_fragment_place("0000000000000000000000000000000000000000000000000000000000000001"), number);
    EXPECT_GT(*parse_fragment_place(std::string(47, '9')), number);
    EXPECT_GT(*parse_fragment_place(std::string(128, '9')), number);
    EXPECT_FALSE(parse_fragment_place(std::string(129, '9')));
    EXPECT_FALSE(parse_fragment_place(""));
    EXPECT_FALSE(parse_fragment_place("12a"));
    EXPECT_FALSE(parse_fragment_place("-1"));
}

}  // namespace
}  // namespace riacho::media
