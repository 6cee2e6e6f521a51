#include "media/fragment_number.h"

#include <limits>

#include "base/check.h"
#include "base/u192.h"

namespace riacho::media {
namespace {

constexpr std::size_t digits = 47;
constexpr std::size_t digits_max = 128;  // the model's pattern

// Bits 0 to 27 random, 28 to 91 milliseconds, 92 to 155 sequence.
FragmentNumber fields(const U192& value) {
    return {.sequence = value[1] >> 28 | value[2] << 36,
            .server_ms = value[0] >> 28 | value[1] << 36,
            .random28 = static_cast<std::uint32_t>(value[0] & 0xFFF'FFFF)};
}

}  // namespace

std::string to_text(const FragmentNumber& number) {
    RIACHO_CHECK(number.sequence < fragment_sequence_end && number.random28 < 1U << 28);
    U192 value{number.server_ms << 28 | number.random28, number.sequence << 28 | number.server_ms >> 36,
               number.sequence >> 36 | std::uint64_t{1} << 28};
    std::string text(digits, '0');
    write_digits(divide_by_ten_to_19(value), text.data() + 28, 19);
    write_digits(divide_by_ten_to_19(value), text.data() + 9, 19);
    write_digits(value[0], text.data(), 9);
    return text;
}

std::optional<FragmentNumber> parse_fragment_number(std::string_view text) {
    if (text.size() != digits) return std::nullopt;
    const auto value = parse_u192(text);
    if (!value || (*value)[2] >> 28 != 1) return std::nullopt;
    const FragmentNumber number = fields(*value);
    if (number.sequence >= fragment_sequence_end) return std::nullopt;
    return number;
}

std::optional<FragmentNumber> parse_fragment_place(std::string_view text) {
    if (text.empty() || text.size() > digits_max) return std::nullopt;
    constexpr FragmentNumber behind_all{.sequence = std::numeric_limits<std::uint64_t>::max(),
                                        .server_ms = std::numeric_limits<std::uint64_t>::max(),
                                        .random28 = std::numeric_limits<std::uint32_t>::max()};
    const auto value = parse_u192(text);
    if (!value && value.error() == U192Fault::not_a_number) return std::nullopt;
    if (!value) return behind_all;
    if ((*value)[2] >> 28 == 0) return FragmentNumber{};
    return (*value)[2] >> 28 == 1 ? fields(*value) : behind_all;
}

}  // namespace riacho::media
