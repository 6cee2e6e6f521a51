// Finds the bytes that a JSON text cannot hold as they are, 16 at a time.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/bytes.h"

#if defined(__x86_64__)
#include <emmintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

namespace riacho::wire::detail {

inline constexpr std::size_t special_bytes_step = 16;

// Bit i stands for byte i.
struct SpecialBytes {
    std::uint32_t special;       // control characters, quotes and backslashes
    std::uint32_t beyond_ascii;  // bytes of 0x80 and more
};

namespace plain {

// Eight bytes as a word: the highest bit of each byte tells.
inline constexpr std::uint64_t every_byte = 0x0101'0101'0101'0101;
inline constexpr std::uint64_t highest_bits = every_byte << 7;

// The bytes below `limit`, which is at most 0x80. No byte borrows from its neighbour.
inline std::uint64_t bytes_below(std::uint64_t word, std::uint64_t limit) {
    return ~(((word | highest_bits) - every_byte * limit) | word) & highest_bits;
}
// The highest bits side by side: the factor moves that of byte i to bit 56 + i, and no two sums meet.
inline std::uint32_t gathered(std::uint64_t word) {
    return static_cast<std::uint32_t>(((word >> 7) * 0x0102'0408'1020'4080) >> 56);
}

inline SpecialBytes special_bytes_of_word(std::uint64_t word) {
    const std::uint64_t special =
        bytes_below(word, 0x20) | bytes_below(word ^ every_byte * '"', 1) | bytes_below(word ^ every_byte * '\\', 1);
    return {gathered(special), gathered(word & highest_bits)};
}

// As special_bytes(), by plain C++.
inline SpecialBytes special_bytes(const char* at) {
    const auto* const bytes = reinterpret_cast<const std::byte*>(at);
    const SpecialBytes low = special_bytes_of_word(get_le<std::uint64_t>(bytes));
    const SpecialBytes high = special_bytes_of_word(get_le<std::uint64_t>(bytes + 8));
    return {low.special | high.special << 8, low.beyond_ascii | high.beyond_ascii << 8};
}

}  // namespace plain

#if defined(__x86_64__)

// Of the 16 bytes at `at`.
inline SpecialBytes special_bytes(const char* at) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
    // Unsigned bytes up to 0x1F are those for which max() with 0x1F yields 0x1F.
    const __m128i limit = _mm_set1_epi8(0x1F);
    const __m128i control = _mm_cmpeq_epi8(_mm_max_epu8(bytes, limit), limit);
    const __m128i quote = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('"'));
    const __m128i backslash = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\'));
    return {static_cast<std::uint32_t>(_mm_movemask_epi8(_mm_or_si128(control, _mm_or_si128(quote, backslash)))),
            static_cast<std::uint32_t>(_mm_movemask_epi8(bytes))};
}

#elif defined(__aarch64__)

// `bytes` are 0 or 0xFF.
inline std::uint32_t gathered(uint8x16_t bytes) {
    static constexpr std::uint8_t places[16] = {1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128};
    const uint8x16_t bits = vandq_u8(bytes, vld1q_u8(places));
    return vaddv_u8(vget_low_u8(bits)) | static_cast<std::uint32_t>(vaddv_u8(vget_high_u8(bits))) << 8;
}

inline SpecialBytes special_bytes(const char* at) {
    const uint8x16_t bytes = vld1q_u8(reinterpret_cast<const std::uint8_t*>(at));
    const uint8x16_t control = vcltq_u8(bytes, vdupq_n_u8(0x20));
    const uint8x16_t quote = vceqq_u8(bytes, vdupq_n_u8('"'));
    const uint8x16_t backslash = vceqq_u8(bytes, vdupq_n_u8('\\'));
    return {gathered(vorrq_u8(control, vorrq_u8(quote, backslash))), gathered(vcgeq_u8(bytes, vdupq_n_u8(0x80)))};
}

#else

inline SpecialBytes special_bytes(const char* at) { return plain::special_bytes(at); }

#endif

}  // namespace riacho::wire::detail
