#include "base/base64.h"

#include <immintrin.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "base/base64_scan.h"

namespace riacho {
namespace {

constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
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

bool has_avx2() {
    static const bool available = __builtin_cpu_supports("avx2");
    return available;
}

// The vector code follows W. Mula and D. Lemire, "Faster Base64 Encoding and Decoding Using AVX2 Instructions" (2018):
// characters are classified by their two nibbles; sextets are packed with two multiply-adds.
#define RIACHO_AVX2 __attribute__((target("avx2")))

RIACHO_AVX2 __m256i both_lanes(__m128i lane) { return _mm256_broadcastsi128_si256(lane); }

RIACHO_AVX2 bool all_in_alphabet(__m256i characters, __m256i high_nibbles) {
    const __m256i low_table = both_lanes(
        _mm_setr_epi8(0x15, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x13, 0x1A, 0x1B, 0x1B, 0x1B, 0x1A));
    const __m256i high_table = both_lanes(
        _mm_setr_epi8(0x10, 0x10, 0x01, 0x02, 0x04, 0x08, 0x04, 0x08, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10));
    const __m256i low_nibbles = _mm256_and_si256(characters, _mm256_set1_epi8(0x0F));
    const __m256i low = _mm256_shuffle_epi8(low_table, low_nibbles);
    const __m256i high = _mm256_shuffle_epi8(high_table, high_nibbles);
    return _mm256_testz_si256(low, high) != 0;
}

RIACHO_AVX2 __m256i high_nibbles_of(__m256i characters) {
    return _mm256_and_si256(_mm256_srli_epi32(characters, 4), _mm256_set1_epi8(0x0F));
}

// Length of the prefix that is in the alphabet, checked one vector at a time.
RIACHO_AVX2 std::size_t valid_prefix_avx2(std::string_view text) {
    std::size_t at = 0;
    for (; at + 32 <= text.size(); at += 32) {
        const __m256i characters = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(text.data() + at));
        if (!all_in_alphabet(characters, high_nibbles_of(characters))) break;
    }
    return at;
}

// Decodes whole vectors while a 32-byte store stays inside the output; returns the characters consumed.
RIACHO_AVX2 std::size_t decode_avx2(std::string_view text, char* out) {
    const __m256i offsets = both_lanes(_mm_setr_epi8(0, 16, 19, 4, -65, -65, -71, -71, 0, 0, 0, 0, 0, 0, 0, 0));
    const __m256i pick = both_lanes(_mm_setr_epi8(2, 1, 0, 6, 5, 4, 10, 9, 8, 14, 13, 12, -1, -1, -1, -1));
    const __m256i join = _mm256_setr_epi32(0, 1, 2, 4, 5, 6, -1, -1);
    std::size_t at = 0;
    // 48 characters left make at least 34 bytes of output.
    for (; text.size() - at >= 48; at += 32) {
        const __m256i characters = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(text.data() + at));
        const __m256i slashes = _mm256_cmpeq_epi8(characters, _mm256_set1_epi8('/'));
        const __m256i index = _mm256_add_epi8(slashes, high_nibbles_of(characters));
        const __m256i sextets = _mm256_add_epi8(characters, _mm256_shuffle_epi8(offsets, index));
        const __m256i pairs = _mm256_maddubs_epi16(sextets, _mm256_set1_epi32(0x01400140));
        const __m256i triples = _mm256_madd_epi16(pairs, _mm256_set1_epi32(0x00011000));
        const __m256i bytes = _mm256_permutevar8x32_epi32(_mm256_shuffle_epi8(triples, pick), join);
        _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + at / 4 * 3), bytes);
    }
    return at;
}

// Encodes whole vectors of 24 bytes while 28 may be read; returns the bytes consumed.
RIACHO_AVX2 std::size_t encode_avx2(std::string_view data, char* out) {
    const __m256i spread = both_lanes(_mm_setr_epi8(1, 0, 2, 1, 4, 3, 5, 4, 7, 6, 8, 7, 10, 9, 11, 10));
    const __m256i shifts =
        both_lanes(_mm_setr_epi8('a' - 26, '0' - 52, '0' - 52, '0' - 52, '0' - 52, '0' - 52, '0' - 52, '0' - 52,
                                 '0' - 52, '0' - 52, '0' - 52, '+' - 62, '/' - 63, 'A', 0, 0));
    std::size_t at = 0;
    for (; data.size() - at >= 28; at += 24) {
        const auto* from = data.data() + at;
        const __m256i bytes = _mm256_set_m128i(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from + 12)),
                                               _mm_loadu_si128(reinterpret_cast<const __m128i*>(from)));
        const __m256i triples = _mm256_shuffle_epi8(bytes, spread);
        const __m256i high =
            _mm256_mulhi_epu16(_mm256_and_si256(triples, _mm256_set1_epi32(0x0FC0FC00)), _mm256_set1_epi32(0x04000040));
        const __m256i low =
            _mm256_mullo_epi16(_mm256_and_si256(triples, _mm256_set1_epi32(0x003F03F0)), _mm256_set1_epi32(0x01000010));
        const __m256i sextets = _mm256_or_si256(high, low);
        // The offset to add, by row: 0..25 -> 13, 26..51 -> 0, 52..61 -> 1..10, 62 -> 11, 63 -> 12.
        const __m256i upper = _mm256_cmpgt_epi8(_mm256_set1_epi8(26), sextets);
        const __m256i row = _mm256_or_si256(_mm256_subs_epu8(sextets, _mm256_set1_epi8(51)),
                                            _mm256_and_si256(upper, _mm256_set1_epi8(13)));
        const __m256i characters = _mm256_add_epi8(_mm256_shuffle_epi8(shifts, row), sextets);
        _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + at / 3 * 4), characters);
    }
    return at;
}

std::size_t valid_prefix(std::string_view text) {
    std::size_t at = has_avx2() ? valid_prefix_avx2(text) : 0;
    while (at < text.size() && value_of(text[at]) != not_in_alphabet) ++at;
    return at;
}

// The first `checked` characters are known to be in the alphabet.
Base64Check check_behind(std::string_view text, std::size_t checked) {
    if (text.size() % 4 != 0) return {Base64Fault::length, '\0', 0};
    const std::size_t end = checked + valid_prefix(text.substr(checked));
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

std::size_t base64_run(std::string_view text) noexcept { return has_avx2() ? valid_prefix_avx2(text) : 0; }

void decode_base64(std::string_view text, char* out) noexcept {
    const std::size_t start = has_avx2() ? decode_avx2(text, out) : 0;
    const char* from = text.data() + start;
    const char* const end = text.data() + text.size();
    out += start / 4 * 3;
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
    const std::size_t start = has_avx2() ? encode_avx2(data, out) : 0;
    out += start / 3 * 4;
    const auto byte_at = [&](std::size_t at) { return static_cast<unsigned>(static_cast<std::uint8_t>(data[at])); };
    std::size_t at = start;
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
