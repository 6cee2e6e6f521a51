// Standard base64 (RFC 4648 section 4, with padding, no line breaks). Vectorised where the CPU allows.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace riacho {

constexpr std::size_t base64_encoded_size(std::size_t bytes) { return (bytes + 2) / 3 * 4; }

// Faults of a base64 text, in the order in which AWS reports them (data-streams spec 3.1).
enum class Base64Fault : std::uint8_t {
    none,
    length,         // not a multiple of 4
    character,      // not in the alphabet, or '=' elsewhere than at the end
    last_character  // the unused bits of the last character are not zero
};
struct Base64Check {
    Base64Fault fault;
    char character;            // the offending character, for Base64Fault::character
    std::size_t decoded_size;  // bytes, when there is no fault
};

// Checks the whole text without decoding it.
Base64Check check_base64(std::string_view text) noexcept;

// Decodes a text that check_base64 accepted into out, which has room for decoded_size bytes.
void decode_base64(std::string_view text, char* out) noexcept;
// Checks and decodes.
std::optional<std::string> decode_base64(std::string_view text);

// Writes base64_encoded_size(data.size()) characters to out.
void encode_base64(std::string_view data, char* out) noexcept;
std::string encode_base64(std::string_view data);

}  // namespace riacho
