#include "wire/detail/special_bytes.h"

#include <gtest/gtest.h>

#include <random>
#include <string>

namespace riacho::wire::detail {
namespace {

// What JSON says (RFC 8259, section 7), a byte at a time.
SpecialBytes by_definition(const std::string& bytes) {
    SpecialBytes found{0, 0};
    for (std::size_t i = 0; i < special_bytes_step; ++i) {
        const auto byte = static_cast<unsigned char>(bytes[i]);
        if (byte < 0x20 || byte == '"' || byte == '\\') found.special |= 1U << i;
        if (byte >= 0x80) found.beyond_ascii |= 1U << i;
    }
    return found;
}

void expect_all_agree(const std::string& bytes) {
    const SpecialBytes expected = by_definition(bytes);
    const SpecialBytes by_vectors = special_bytes(bytes.data());
    const SpecialBytes by_plain = plain::special_bytes(bytes.data());
    ASSERT_EQ(by_vectors.special, expected.special) << bytes;
    ASSERT_EQ(by_vectors.beyond_ascii, expected.beyond_ascii) << bytes;
    ASSERT_EQ(by_plain.special, expected.special) << bytes;
    ASSERT_EQ(by_plain.beyond_ascii, expected.beyond_ascii) << bytes;
}

TEST(SpecialBytes, every_byte_at_every_place_beside_every_kind_of_neighbour) {
    for (const char neighbour : {'a', '\0', '\x1F', ' ', '!', '"', '#', '\\', '\x7F', '\x80', '\xFF'}) {
        for (std::size_t place = 0; place < special_bytes_step; ++place) {
            for (int byte = 0; byte < 256; ++byte) {
                std::string bytes(special_bytes_step, neighbour);
                bytes[place] = static_cast<char>(byte);
                expect_all_agree(bytes);
            }
        }
    }
}

TEST(SpecialBytes, noise) {
    std::mt19937 rng(21);
    for (int round = 0; round < 50'000; ++round) {
        std::string bytes(special_bytes_step, '\0');
        for (char& c : bytes) c = static_cast<char>(rng());
        expect_all_agree(bytes);
    }
}

}  // namespace
}  // namespace riacho::wire::detail
