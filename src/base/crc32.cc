#include "base/crc32.h"

#include <array>
#include <cstring>

#include "base/arm_crc.h"
#include "base/bytes.h"
#include "base/plain_paths.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace riacho {
namespace {

constexpr std::uint32_t polynomial = 0xEDB88320U;

// times x modulo the polynomial; bits are reflected, so x^0 is the highest.
constexpr std::uint32_t times_x(std::uint32_t value) { return (value >> 1) ^ ((value & 1) != 0 ? polynomial : 0U); }

using Table = std::array<std::array<std::uint32_t, 256>, 16>;

// tables[k][b] is what byte b contributes when k more bytes follow it in the block.
constexpr Table tables = [] {
    Table table{};
    for (std::uint32_t byte = 0; byte < 256; ++byte) {
        std::uint32_t crc = byte;
        for (int bit = 0; bit < 8; ++bit) crc = times_x(crc);
        table[0][byte] = crc;
    }
    for (std::size_t k = 1; k < table.size(); ++k) {
        for (std::size_t byte = 0; byte < 256; ++byte) {
            table[k][byte] = (table[k - 1][byte] >> 8) ^ table[0][table[k - 1][byte] & 0xFF];
        }
    }
    return table;
}();

// The register after `left` more bytes, by table look-ups.
std::uint32_t by_tables(const std::byte* at, std::size_t left, std::uint32_t crc) noexcept {
    for (; left >= 16; left -= 16, at += 16) {
        const std::uint64_t low = get_le<std::uint64_t>(at) ^ crc;
        const std::uint64_t high = get_le<std::uint64_t>(at + 8);
        crc = 0;
        for (unsigned i = 0; i < 8; ++i) {
            crc ^= tables[15 - i][low >> (8 * i) & 0xFF] ^ tables[7 - i][high >> (8 * i) & 0xFF];
        }
    }
    for (; left > 0; --left, ++at) crc = (crc >> 8) ^ tables[0][(crc ^ static_cast<std::uint8_t>(*at)) & 0xFF];
    return crc;
}

#if defined(__x86_64__)

// A block of 16 bytes is a polynomial. Moved by n bits it equals, modulo the CRC's polynomial, its first half times
// x^(n + 64) plus its second half times x^n. The product of two reflected numbers is too large by a factor of x, hence
// one power less.
constexpr std::int64_t power_of_x(std::size_t n) {
    std::uint32_t value = 0x80000000U;
    for (std::size_t i = 0; i < n; ++i) value = times_x(value);
    return static_cast<std::int64_t>(std::uint64_t{value} << 32);
}

#define RIACHO_FOLDING __attribute__((target("sse2,pclmul")))

template <std::size_t bits>
RIACHO_FOLDING __m128i moved(__m128i block) noexcept {
    constexpr std::int64_t first_half = power_of_x(bits + 63);
    constexpr std::int64_t second_half = power_of_x(bits - 1);
    const __m128i by = _mm_set_epi64x(second_half, first_half);
    return _mm_xor_si128(_mm_clmulepi64_si128(block, by, 0x00), _mm_clmulepi64_si128(block, by, 0x11));
}

RIACHO_FOLDING __m128i block_at(const std::byte* at) noexcept {
    return _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
}

// Folds four blocks side by side, each into the block four places further; the four remaining blocks are folded into
// one, which leaves the register as the whole input would. Needs at least 64 bytes; consumes whole blocks and returns
// how many bytes they were.
RIACHO_FOLDING std::size_t fold(const std::byte* at, std::size_t size, std::uint32_t& crc) noexcept {
    __m128i lanes[4];
    for (std::size_t i = 0; i < 4; ++i) lanes[i] = block_at(at + 16 * i);
    lanes[0] = _mm_xor_si128(lanes[0], _mm_cvtsi32_si128(static_cast<int>(crc)));
    std::size_t done = 64;
    for (; size - done >= 64; done += 64) {
        for (std::size_t i = 0; i < 4; ++i)
            lanes[i] = _mm_xor_si128(moved<512>(lanes[i]), block_at(at + done + 16 * i));
    }
    for (std::size_t i = 1; i < 4; ++i) lanes[i] = _mm_xor_si128(moved<128>(lanes[i - 1]), lanes[i]);
    for (; size - done >= 16; done += 16) lanes[3] = _mm_xor_si128(moved<128>(lanes[3]), block_at(at + done));
    std::array<std::byte, 16> rest;
    _mm_storeu_si128(reinterpret_cast<__m128i*>(rest.data()), lanes[3]);
    crc = by_tables(rest.data(), rest.size(), 0);
    return done;
}

#undef RIACHO_FOLDING

#endif

}  // namespace

std::uint32_t crc32(std::string_view data, std::uint32_t crc) noexcept {
#if defined(__x86_64__)
    static const bool can_fold = __builtin_cpu_supports("pclmul") != 0;
    if (can_fold && data.size() >= 64) {
        crc = ~crc;
        const std::size_t done = fold(as_bytes(data).data(), data.size(), crc);
        return plain::crc32(data.substr(done), ~crc);
    }
#elif defined(__aarch64__)
    if (arm::has_crc()) return ~arm::crc32(as_bytes(data), ~crc);
#endif
    return plain::crc32(data, crc);
}

std::uint32_t plain::crc32(std::string_view data, std::uint32_t crc) noexcept {
    return ~by_tables(as_bytes(data).data(), data.size(), ~crc);
}

}  // namespace riacho
