#include "media/fragment_number.h"

#include <array>
#include <limits>

#include "base/check.h"
#include "base/u128.h"

namespace riacho::media {
namespace {

constexpr std::size_t digits = 47;
constexpr std::size_t digits_max = 128;  // the model's pattern

// Up to 192 bits as three 64-bit words, the least first.
using Wide = std::array<std::uint64_t, 3>;

constexpr std::uint64_t ten_to_19 = 10'000'000'000'000'000'000U;

// Divides by 10^19 in place and returns the rest.
std::uint64_t divide(Wide& value) {
    U128 rest = 0;
    for (std::size_t i = value.size(); i-- > 0;) {
        const U128 part = (rest << 64) | value[i];
        value[i] = static_cast<std::uint64_t>(part / ten_to_19);
        rest = part % ten_to_19;
    }
    return static_cast<std::uint64_t>(rest);
}

void put_digits(std::uint64_t value, char* at, std::size_t count) {
    for (std::size_t i = count; i-- > 0; value /= 10) at[i] = static_cast<char>('0' + value % 10);
}

enum class Size : std::uint8_t { fits, too_large, not_a_number };

Size parse_wide(std::string_view text, Wide& value) {
    value = {};
    bool overflow = false;
    for (const char c : text) {
        if (c < '0' || c > '9') return Size::not_a_number;
        U128 carry = static_cast<unsigned>(c - '0');
        for (std::uint64_t& word : value) {
            carry += static_cast<U128>(word) * 10;
            word = static_cast<std::uint64_t>(carry);
            carry >>= 64;
        }
        overflow = overflow || carry != 0;
    }
    return overflow ? Size::too_large : Size::fits;
}

// Bits 0 to 27 random, 28 to 91 milliseconds, 92 to 155 sequence.
FragmentNumber fields(const Wide& value) {
    return {.sequence = value[1] >> 28 | value[2] << 36,
            .server_ms = value[0] >> 28 | value[1] << 36,
            .random28 = static_cast<std::uint32_t>(value[0] & 0xFFF'FFFF)};
}

}  // namespace

std::string to_text(const FragmentNumber& number) {
    RIACHO_CHECK(number.sequence < fragment_sequence_end && number.random28 < 1U << 28);
    Wide value{number.server_ms << 28 | number.random28, number.sequence << 28 | number.server_ms >> 36,
               number.sequence >> 36 | std::uint64_t{1} << 28};
    std::string text(digits, '0');
    put_digits(divide(value), text.data() + 28, 19);
    put_digits(divide(value), text.data() + 9, 19);
    put_digits(value[0], text.data(), 9);
    return text;
}

std::optional<FragmentNumber> parse_fragment_number(std::string_view text) {
    Wide value;
    if (text.size() != digits || parse_wide(text, value) != Size::fits || value[2] >> 28 != 1) return std::nullopt;
    const FragmentNumber number = fields(value);
    if (number.sequence >= fragment_sequence_end) return std::nullopt;
    return number;
}

std::optional<FragmentNumber> parse_fragment_place(std::string_view text) {
    if (text.empty() || text.size() > digits_max) return std::nullopt;
    constexpr FragmentNumber behind_all{.sequence = std::numeric_limits<std::uint64_t>::max(),
                                        .server_ms = std::numeric_limits<std::uint64_t>::max(),
                                        .random28 = std::numeric_limits<std::uint32_t>::max()};
    Wide value;
    switch (parse_wide(text, value)) {
        case Size::not_a_number:
            return std::nullopt;
        case Size::too_large:
            return behind_all;
        case Size::fits:
            break;
    }
    if (value[2] >> 28 == 0) return FragmentNumber{};
    return value[2] >> 28 == 1 ? fields(value) : behind_all;
}

}  // namespace riacho::media
