#include "base/base64_vectors.h"

#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>

#include <array>
#include <cstdint>
#endif

// The vector code follows W. Mula and D. Lemire, "Faster Base64 Encoding and Decoding Using AVX2 Instructions" (2018):
// characters are classified by their two nibbles.
namespace riacho::base64_vectors {
#if defined(__x86_64__)

#define RIACHO_AVX2 __attribute__((target("avx2")))

namespace {

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

}  // namespace

RIACHO_AVX2 std::size_t valid_prefix(std::string_view text) noexcept {
    std::size_t at = 0;
    for (; at + 32 <= text.size(); at += 32) {
        const __m256i characters = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(text.data() + at));
        if (!all_in_alphabet(characters, high_nibbles_of(characters))) break;
    }
    return at;
}

// Sextets are packed with two multiply-adds, while a 32-byte store stays inside the output.
RIACHO_AVX2 std::size_t decode(std::string_view text, char* out) noexcept {
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

// Steps of 24 bytes, while 28 may be read.
RIACHO_AVX2 std::size_t encode(std::string_view data, char* out) noexcept {
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

#undef RIACHO_AVX2

#elif defined(__aarch64__)

namespace {

// Bytes of a constant table as a vector.
template <class Byte>
uint8x16_t table_of(const std::array<Byte, 16>& bytes) {
    return vld1q_u8(reinterpret_cast<const std::uint8_t*>(bytes.data()));
}
uint8x16_t characters_at(const char* at) { return vld1q_u8(reinterpret_cast<const std::uint8_t*>(at)); }

constexpr std::array<std::uint8_t, 16> low_classes = {0x15, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11,
                                                      0x11, 0x11, 0x13, 0x1A, 0x1B, 0x1B, 0x1B, 0x1A};
constexpr std::array<std::uint8_t, 16> high_classes = {0x10, 0x10, 0x01, 0x02, 0x04, 0x08, 0x04, 0x08,
                                                       0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10};
// What is added to a character to make its sextet, by its high nibble; '/' takes the place before '+'.
constexpr std::array<std::int8_t, 16> sextet_offsets = {0, 16, 19, 4, -65, -65, -71, -71, 0, 0, 0, 0, 0, 0, 0, 0};

// Not zero in the bytes that are outside the alphabet.
uint8x16_t outside_alphabet(uint8x16_t characters) {
    const uint8x16_t low = vqtbl1q_u8(table_of(low_classes), vandq_u8(characters, vdupq_n_u8(0x0F)));
    const uint8x16_t high = vqtbl1q_u8(table_of(high_classes), vshrq_n_u8(characters, 4));
    return vandq_u8(low, high);
}

uint8x16_t sextets_of(uint8x16_t characters) {
    const uint8x16_t slashes = vceqq_u8(characters, vdupq_n_u8('/'));
    const uint8x16_t index = vaddq_u8(slashes, vshrq_n_u8(characters, 4));
    return vaddq_u8(characters, vqtbl1q_u8(table_of(sextet_offsets), index));
}

}  // namespace

std::size_t valid_prefix(std::string_view text) noexcept {
    std::size_t at = 0;
    for (; text.size() - at >= 32; at += 32) {
        const char* const from = text.data() + at;
        const uint8x16_t outside =
            vorrq_u8(outside_alphabet(characters_at(from)), outside_alphabet(characters_at(from + 16)));
        if (vmaxvq_u8(outside) != 0) break;
    }
    return at;
}

// Loads and stores take every fourth character and every third byte. The last group, which may be padded, is left over.
std::size_t decode(std::string_view text, char* out) noexcept {
    std::size_t at = 0;
    for (; text.size() - at > 64; at += 64) {
        const uint8x16x4_t characters = vld4q_u8(reinterpret_cast<const std::uint8_t*>(text.data() + at));
        const uint8x16_t a = sextets_of(characters.val[0]);
        const uint8x16_t b = sextets_of(characters.val[1]);
        const uint8x16_t c = sextets_of(characters.val[2]);
        const uint8x16_t d = sextets_of(characters.val[3]);
        uint8x16x3_t bytes;
        bytes.val[0] = vorrq_u8(vshlq_n_u8(a, 2), vshrq_n_u8(b, 4));
        bytes.val[1] = vorrq_u8(vshlq_n_u8(b, 4), vshrq_n_u8(c, 2));
        bytes.val[2] = vorrq_u8(vshlq_n_u8(c, 6), d);
        vst3q_u8(reinterpret_cast<std::uint8_t*>(out + at / 4 * 3), bytes);
    }
    return at;
}

std::size_t encode(std::string_view data, char* out) noexcept {
    const uint8x16x4_t letters = {{characters_at(alphabet.data()), characters_at(alphabet.data() + 16),
                                   characters_at(alphabet.data() + 32), characters_at(alphabet.data() + 48)}};
    const uint8x16_t sextet = vdupq_n_u8(0x3F);
    std::size_t at = 0;
    for (; data.size() - at >= 48; at += 48) {
        const uint8x16x3_t bytes = vld3q_u8(reinterpret_cast<const std::uint8_t*>(data.data() + at));
        const uint8x16_t second = vorrq_u8(vshlq_n_u8(bytes.val[0], 4), vshrq_n_u8(bytes.val[1], 4));
        const uint8x16_t third = vorrq_u8(vshlq_n_u8(bytes.val[1], 2), vshrq_n_u8(bytes.val[2], 6));
        uint8x16x4_t characters;
        characters.val[0] = vqtbl4q_u8(letters, vshrq_n_u8(bytes.val[0], 2));
        characters.val[1] = vqtbl4q_u8(letters, vandq_u8(second, sextet));
        characters.val[2] = vqtbl4q_u8(letters, vandq_u8(third, sextet));
        characters.val[3] = vqtbl4q_u8(letters, vandq_u8(bytes.val[2], sextet));
        vst4q_u8(reinterpret_cast<std::uint8_t*>(out + at / 3 * 4), characters);
    }
    return at;
}

#else

std::size_t valid_prefix(std::string_view) noexcept { return 0; }
std::size_t decode(std::string_view, char*) noexcept { return 0; }
std::size_t encode(std::string_view, char*) noexcept { return 0; }

#endif

}  // namespace riacho::base64_vectors
