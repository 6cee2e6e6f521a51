#include "base/u192.h"

#include <gtest/gtest.h>

#include <string>

namespace riacho {
namespace {

constexpr std::string_view greatest = "6277101735386680763835789423207666416102355444464034512895";  // 2^192 - 1

// 58 digits, which is enough for every number.
std::string to_text(U192 value) {
    std::string text(58, '?');
    write_digits(divide_by_ten_to_19(value), text.data() + 39, 19);
    write_digits(divide_by_ten_to_19(value), text.data() + 20, 19);
    write_digits(divide_by_ten_to_19(value), text.data() + 1, 19);
    write_digits(value[0], text.data(), 1);
    return text;
}

TEST(U192, reads_and_writes_decimal_digits) {
    constexpr std::uint64_t all = ~std::uint64_t{0};
    EXPECT_EQ(parse_u192(greatest), (U192{all, all, all}));
    EXPECT_EQ(parse_u192("18446744073709551616"), (U192{0, 1, 0}));
    EXPECT_EQ(parse_u192("000340282366920938463463374607431768211456"), (U192{0, 0, 1}));
    EXPECT_EQ(parse_u192(""), (U192{}));
    for (const std::string_view text :
         {greatest, std::string_view("0000000000000000000000000000000000000010000000000000000000"),
          std::string_view("0123456789012345678901234567890123456789012345678901234567")}) {
        const auto value = parse_u192(text);
        ASSERT_TRUE(value) << text;
        EXPECT_EQ(to_text(*value), text);
    }
}

TEST(U192, refuses_other_texts) {
    EXPECT_EQ(parse_u192("6277101735386680763835789423207666416102355444464034512896").error(), U192Fault::too_large);
    EXPECT_EQ(parse_u192(std::string(200, '9')).error(), U192Fault::too_large);
    EXPECT_EQ(parse_u192(std::string(200, '9') + "x").error(), U192Fault::not_a_number);
    EXPECT_EQ(parse_u192("-1").error(), U192Fault::not_a_number);
}

}  // namespace
}  // namespace riacho
