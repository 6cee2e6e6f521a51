#include "base/crc32c.h"

#include <array>

#include "base/arm_crc.h"
#include "base/plain_paths.h"

#if defined(__x86_64__)
#include <nmmintrin.h>
#include <wmmintrin.h>
#endif

namespace riacho {
namespace {

constexpr std::uint32_t polynomial = 0x82F63B78U;

// times x modulo the polynomial; bits are reflected, so x^0 is the highest.
constexpr std::uint32_t times_x(std::uint32_t value) { return (value >> 1) ^ ((value & 1) != 0 ? polynomial : 0U); }

constexpr std::array<std::uint32_t, 256> make_table() {
    std::array<std::uint32_t, 256> table{};
    for (std::uint32_t i = 0; i < 256; ++i) {
        std::uint32_t crc = i;
        for (int bit = 0; bit < 8; ++bit) crc = times_x(crc);
        table[i] = crc;
    }
    return table;
}
constexpr auto table = make_table();

#if defined(__x86_64__)

// The factor that moves a checksum n bytes further on: x^(8n - 33). The 33 allow for shifted(): the product of two
// reflected numbers is too large by a factor of x, and the crc32 instruction multiplies by x^32.
constexpr std::uint32_t shift_of(std::size_t n) {
    std::uint32_t value = 0x80000000U;
    for (std::size_t i = 0; i < 8 * n - 33; ++i) value = times_x(value);
    return value;
}

__attribute__((target("sse4.2,pclmul"))) std::uint32_t shifted(std::uint64_t crc, std::uint32_t shift) noexcept {
    const __m128i product = _mm_clmulepi64_si128(_mm_cvtsi64_si128(static_cast<std::int64_t>(crc)),
                                                 _mm_cvtsi32_si128(static_cast<int>(shift)), 0);
    return static_cast<std::uint32_t>(_mm_crc32_u64(0, static_cast<std::uint64_t>(_mm_cvtsi128_si64(product))));
}

// The crc32 instruction has a latency of three cycles and a throughput of one a cycle: three lanes of `lane` bytes side
// by side.
template <std::size_t lane>
__attribute__((target("sse4.2,pclmul"))) std::uint64_t three_lanes(const std::byte* at, std::uint64_t crc) noexcept {
    static_assert(lane % 8 == 0);
    constexpr std::uint32_t by_one = shift_of(lane);
    constexpr std::uint32_t by_two = shift_of(2 * lane);
    std::uint64_t second = 0;
    std::uint64_t third = 0;
    for (const std::byte* end = at + lane; at != end; at += 8) {
        crc = _mm_crc32_u64(crc, get_le<std::uint64_t>(at));
        second = _mm_crc32_u64(second, get_le<std::uint64_t>(at + lane));
        third = _mm_crc32_u64(third, get_le<std::uint64_t>(at + 2 * lane));
    }
    return shifted(crc, by_two) ^ shifted(second, by_one) ^ third;
}

template <std::size_t lane>
__attribute__((target("sse4.2,pclmul"))) std::uint64_t in_lanes(ByteSpan& data, std::uint64_t crc) noexcept {
    for (; data.size() >= 3 * lane; data = data.subspan(3 * lane)) crc = three_lanes<lane>(data.data(), crc);
    return crc;
}

__attribute__((target("sse4.2,pclmul"))) std::uint32_t hardware(ByteSpan data, std::uint32_t crc) noexcept {
    std::uint64_t wide = crc;
    wide = in_lanes<1360>(data, wide);
    wide = in_lanes<336>(data, wide);  // a record of 1 KiB
    wide = in_lanes<64>(data, wide);
    for (; data.size() >= 8; data = data.subspan(8)) wide = _mm_crc32_u64(wide, get_le<std::uint64_t>(data.data()));
    auto narrow = static_cast<std::uint32_t>(wide);
    for (const std::byte b : data) narrow = _mm_crc32_u8(narrow, static_cast<std::uint8_t>(b));
    return narrow;
}

bool has_hardware() { return __builtin_cpu_supports("sse4.2") != 0 && __builtin_cpu_supports("pclmul") != 0; }

#endif

}  // namespace

std::uint32_t crc32c(ByteSpan data, std::uint32_t seed) noexcept {
#if defined(__x86_64__)
    static const bool fast = has_hardware();
    if (fast) return ~hardware(data, ~seed);
#elif defined(__aarch64__)
    if (arm::has_crc()) return ~arm::crc32c(data, ~seed);
#endif
    return plain::crc32c(data, seed);
}

std::uint32_t plain::crc32c(ByteSpan data, std::uint32_t seed) noexcept {
    std::uint32_t crc = ~seed;
    for (const std::byte b : data) crc = (crc >> 8) ^ table[(crc ^ static_cast<std::uint32_t>(b)) & 0xFF];
    return ~crc;
}

}  // namespace riacho
