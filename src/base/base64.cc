#include "base/base64.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "base/base64_scan.h"
#include "base/base64_vectors.h"
#include "base/plain_paths.h"

namespace riacho {
namespace {

using base64_vectors::alphabet;
constexpr std::uint8_t not_in_alphabet = 0xFF;

constexpr std::array<std::uint8_t, 256> values = [] {
    std::array<std::uint8_t, 256> table{};
    table.fill(not_in_alphabet);
    for (std::size_t i = 0; i < alphabet.size(); ++i) {
        table[static_cast<std::uint8_t>(alphabet[i])] = static_cast<std::uint8_t>(i);
    }
    return table;
}();

std::uint8_t value_of(char c) { return values[static_cast<std::uint8_t>(c)]; }

// The length of the prefix that is in the alphabet; that of its first `at` characters is known.
std::size_t valid_prefix_from(std::string_view text, std::size_t at) {
    while (at < text.size() && value_of(text[at]) != not_in_alphabet) ++at;
    return at;
}

// The first `checked` characters are known to be in the alphabet.
Base64Check check_behind(std::string_view text, std::size_t checked) {
    if (text.size() % 4 != 0) return {Base64Fault::length, '\0', 0};
    const std::size_t run = base64_run(text.substr(checked));
    const std::size_t end = valid_prefix_from(text, checked + run);
    const std::size_t padding = text.size() - end;
    if (padding == 0) return {Base64Fault::none, '\0', text.size() / 4 * 3};
    // `end` is the first character outside the alphabet: either the first padding character or the offending character.
    if (padding > 2 || text[end] != '=') return {Base64Fault::character, text[end], 0};
    if (text.back() != '=') return {Base64Fault::character, '=', 0};
    const unsigned unused = padding == 1 ? 0x03 : 0x0F;
    if ((value_of(text[end - 1]) & unused) != 0) return {Base64Fault::last_character, text[end - 1], 0};
    return {Base64Fault::none, '\0', text.size() / 4 * 3 - padding};
}

}  // namespace

Base64Check check_base64(std::string_view text) noexcept { return check_behind(text, 0); }

Base64Check check_base64_end(std::string_view text) noexcept {
    return check_behind(text, text.size() - std::min(text.size(), base64_end_size));
}

std::size_t base64_run(std::string_view text) noexcept {
    return base64_vectors::are_available() ? base64_vectors::valid_prefix(text) : 0;
}

std::size_t plain::base64_prefix(std::string_view text) noexcept { return valid_prefix_from(text, 0); }

void decode_base64(std::string_view text, char* out) noexcept {
    const std::size_t done = base64_vectors::are_available() ? base64_vectors::decode(text, out) : 0;
    plain::decode_base64(text.substr(done), out + done / 4 * 3);
}

void plain::decode_base64(std::string_view text, char* out) noexcept {
    const char* from = text.data();
    const char* const end = text.data() + text.size();
    for (; from != end; from += 4) {
        const unsigned a = value_of(from[0]);
        const unsigned b = value_of(from[1]);
        const unsigned c = value_of(from[2]);
        const unsigned d = value_of(from[3]);
        *out++ = static_cast<char>(a << 2 | b >> 4);
        if (from[2] == '=') break;
        *out++ = static_cast<char>((b & 0x0F) << 4 | c >> 2);
        if (from[3] == '=') break;
        *out++ = static_cast<char>((c & 0x03) << 6 | d);
    }
}

std::optional<std::string> decode_base64(std::string_view text) {
    const Base64Check check = check_base64(text);
    if (check.fault != Base64Fault::none) return std::nullopt;
    std::string data(check.decoded_size, '\0');
    decode_base64(text, data.data());
    return data;
}

void encode_base64(std::string_view data, char* out) noexcept {
    const std::size_t done = base64_vectors::are_available() ? base64_vectors::encode(data, out) : 0;
    plain::encode_base64(data.substr(done), out + done / 3 * 4);
}

void plain::encode_base64(std::string_view data, char* out) noexcept {
    const auto byte_at = [&](std::size_t at) { return static_cast<unsigned>(static_cast<std::uint8_t>(data[at])); };
    std::size_t at = 0;
    for (; at + 3 <= data.size(); at += 3) {
        const unsigned triple = byte_at(at) << 16 | byte_at(at + 1) << 8 | byte_at(at + 2);
        *out++ = alphabet[triple >> 18];
        *out++ = alphabet[triple >> 12 & 0x3F];
        *out++ = alphabet[triple >> 6 & 0x3F];
        *out++ = alphabet[triple & 0x3F];
    }
    if (at == data.size()) return;
    const bool two = at + 2 == data.size();
    const unsigned rest = byte_at(at) << 16 | (two ? byte_at(at + 1) << 8 : 0);
    *out++ = alphabet[rest >> 18];
    *out++ = alphabet[rest >> 12 & 0x3F];
    *out++ = two ? alphabet[rest >> 6 & 0x3F] : '=';
    *out++ = '=';
}

std::string encode_base64(std::string_view data) {
    std::string text(base64_encoded_size(data.size()), '\0');
    encode_base64(data, text.data());
    return text;
}

}  // namespace riacho
