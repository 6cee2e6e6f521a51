#include "base/crc32c.h"

#include <gtest/gtest.h>

#include <string>

namespace riacho {
namespace {

std::uint32_t castagnoli_bit_by_bit(std::string_view data) {
    std::uint32_t crc = 0xFFFFFFFF;
    for (const char c : data) {
        crc ^= static_cast<unsigned char>(c);
        for (int bit = 0; bit < 8; ++bit) crc = (crc & 1) != 0 ? (crc >> 1) ^ 0x82F63B78U : crc >> 1;
    }
    return ~crc;
}

std::string some_bytes(std::size_t size) {
    std::string data(size, '\0');
    std::uint32_t state = 12345;
    for (char& c : data) {
        state = state * 1664525 + 1013904223;
        c = static_cast<char>(state >> 24);
    }
    return data;
}

TEST(Crc32c, the_check_values_of_the_polynomial) {
    EXPECT_EQ(crc32c(as_bytes("123456789")), 0xE3069283U);
    EXPECT_EQ(crc32c(as_bytes(std::string(32, '\0'))), 0x8A9136AAU) << "RFC 3720, B.4";
    EXPECT_EQ(crc32c(as_bytes(std::string(32, '\xff'))), 0x62A8AB43U) << "RFC 3720, B.4";
}

// The lengths cross every lane size, and the leading piece makes every alignment.
TEST(Crc32c, every_length_agrees_with_the_definition_also_in_two_pieces) {
    const std::string data = some_bytes(9'000);
    const auto check = [&](std::size_t size) {
        const std::string_view part = std::string_view(data).substr(0, size);
        const std::uint32_t expected = castagnoli_bit_by_bit(part);
        ASSERT_EQ(crc32c(as_bytes(part)), expected) << size;
        const std::size_t cut = size / 3;
        ASSERT_EQ(crc32c(as_bytes(part.substr(cut)), crc32c(as_bytes(part.substr(0, cut)))), expected) << size;
    };
    for (std::size_t size = 0; size < 1'100; ++size) check(size);
    for (std::size_t size = 1'100; size <= data.size(); size += 61) check(size);
}

}  // namespace
}  // namespace riacho
