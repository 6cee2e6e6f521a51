// Fragment numbers: the 47 decimal digits that name a fragment of a stream.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace riacho::media {

// AWS: 2^156 + sequence * 2^92 + server_ms * 2^28 + random28 in decimal (video spec 3.7). Orders as its text does.
struct FragmentNumber {
    std::uint64_t sequence = 0;   // below sequence_end
    std::uint64_t server_ms = 0;  // when the service began to receive the fragment
    std::uint32_t random28 = 0;   // below 2^28

    friend constexpr auto operator<=>(const FragmentNumber&, const FragmentNumber&) = default;
};

// Numbers below it have 47 digits.
inline constexpr std::uint64_t fragment_sequence_end = std::uint64_t{1} << 60;

std::string to_text(const FragmentNumber& number);
// The number with this text; nothing if no number has it. Texts with leading zeros are invalid.
std::optional<FragmentNumber> parse_fragment_number(std::string_view text);
// A position between fragment numbers, from any text of 1 to 128 digits, even one that is no fragment number: the
// numbers after it are those greater than the result. Nothing if the text is not made of digits.
std::optional<FragmentNumber> parse_fragment_place(std::string_view text);

}  // namespace riacho::media
