#include "base/crc32c.h"

#include <array>

#if defined(__x86_64__)
#include <nmmintrin.h>
#endif

namespace riacho {
namespace {

constexpr std::array<std::uint32_t, 256> make_table() {
    std::array<std::uint32_t, 256> table{};
    for (std::uint32_t i = 0; i < 256; ++i) {
        std::uint32_t crc = i;
        for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0x82F63B78U : 0U);
        table[i] = crc;
    }
    return table;
}
constexpr auto table = make_table();

std::uint32_t portable(ByteSpan data, std::uint32_t crc) noexcept {
    for (const std::byte b : data) crc = (crc >> 8) ^ table[(crc ^ static_cast<std::uint32_t>(b)) & 0xFF];
    return crc;
}

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) std::uint32_t hardware(ByteSpan data, std::uint32_t crc) noexcept {
    const std::byte* at = data.data();
    std::size_t left = data.size();
    std::uint64_t wide = crc;
    for (; left >= 8; left -= 8, at += 8) wide = _mm_crc32_u64(wide, get_le<std::uint64_t>(at));
    auto narrow = static_cast<std::uint32_t>(wide);
    for (; left > 0; --left, ++at) narrow = _mm_crc32_u8(narrow, static_cast<std::uint8_t>(*at));
    return narrow;
}
#endif

}  // namespace

std::uint32_t crc32c(ByteSpan data, std::uint32_t seed) noexcept {
#if defined(__x86_64__)
    static const bool fast = __builtin_cpu_supports("sse4.2") != 0;
    if (fast) return ~hardware(data, ~seed);
#endif
    return ~portable(data, ~seed);
}

}  // namespace riacho
