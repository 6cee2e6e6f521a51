// U192: numbers of up to 192 bits and their decimal digits, for sequence numbers and fragment numbers.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "base/result.h"
#include "base/u128.h"

namespace riacho {

// Three 64-bit words, least significant first.
using U192 = std::array<std::uint64_t, 3>;

inline constexpr std::uint64_t ten_to_19 = 10'000'000'000'000'000'000U;

// Divides by 10^19 in place and returns the remainder, the last 19 decimal digits.
inline std::uint64_t divide_by_ten_to_19(U192& value) {
    U128 rest = 0;
    for (std::size_t i = value.size(); i-- > 0;) {
        const U128 part = (rest << 64) | value[i];
        value[i] = static_cast<std::uint64_t>(part / ten_to_19);
        rest = part % ten_to_19;
    }
    return static_cast<std::uint64_t>(rest);
}

// "00" to "99".
inline constexpr std::array<char, 200> digit_pairs = [] {
    std::array<char, 200> text{};
    for (std::size_t i = 0; i < 100; ++i) {
        text[2 * i] = static_cast<char>('0' + i / 10);
        text[2 * i + 1] = static_cast<char>('0' + i % 10);
    }
    return text;
}();

// Writes the last `count` decimal digits of the value, with leading zeros; two at a time.
inline void write_digits(std::uint64_t value, char* at, std::size_t count) {
    for (; count >= 2; value /= 100) {
        count -= 2;
        std::memcpy(at + count, digit_pairs.data() + value % 100 * 2, 2);
    }
    if (count != 0) at[0] = static_cast<char>('0' + value % 10);
}

enum class U192Fault : std::uint8_t {
    not_a_number,  // a character that is no decimal digit, wherever it is
    too_large      // 2^192 or more
};

// Decimal digits, with any number of leading zeros; an empty text is 0.
Expected<U192, U192Fault> parse_u192(std::string_view text);

}  // namespace riacho
