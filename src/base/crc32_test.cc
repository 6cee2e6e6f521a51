#include "base/crc32.h"

#include <gtest/gtest.h>

#include <string>

namespace riacho {
namespace {

std::uint32_t bit_by_bit(std::string_view data) {
    std::uint32_t crc = 0xFFFFFFFF;
    for (const char c : data) {
        crc ^= static_cast<unsigned char>(c);
        for (int bit = 0; bit < 8; ++bit) crc = (crc & 1) != 0 ? (crc >> 1) ^ 0xEDB88320U : crc >> 1;
    }
    return ~crc;
}

TEST(Crc32, the_check_value_of_the_polynomial) { EXPECT_EQ(crc32("123456789"), 0xCBF43926U); }

TEST(Crc32, every_length_agrees_with_the_definition_also_in_two_pieces) {
    std::string data;
    for (int i = 0; i < 200; ++i) {
        EXPECT_EQ(crc32(data), bit_by_bit(data)) << i;
        const auto half = data.size() / 2;
        EXPECT_EQ(crc32(std::string_view(data).substr(half), crc32(std::string_view(data).substr(0, half))),
                  crc32(data));
        data.push_back(static_cast<char>(i * 37));
    }
}

}  // namespace
}  // namespace riacho
