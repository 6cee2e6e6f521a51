#include "base/crc32.h"

#include <array>
#include <cstring>

#include "base/bytes.h"

namespace riacho {
namespace {

using Table = std::array<std::array<std::uint32_t, 256>, 16>;

// tables[k][b] is what byte b contributes when k more bytes follow it in the block.
constexpr Table tables = [] {
    Table table{};
    for (std::uint32_t byte = 0; byte < 256; ++byte) {
        std::uint32_t crc = byte;
        for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0xEDB88320U : 0);
        table[0][byte] = crc;
    }
    for (std::size_t k = 1; k < table.size(); ++k) {
        for (std::size_t byte = 0; byte < 256; ++byte) {
            table[k][byte] = (table[k - 1][byte] >> 8) ^ table[0][table[k - 1][byte] & 0xFF];
        }
    }
    return table;
}();

}  // namespace

std::uint32_t crc32(std::string_view data, std::uint32_t crc) noexcept {
    crc = ~crc;
    const auto* at = reinterpret_cast<const std::byte*>(data.data());
    std::size_t left = data.size();
    for (; left >= 16; left -= 16, at += 16) {
        const std::uint64_t low = get_le<std::uint64_t>(at) ^ crc;
        const std::uint64_t high = get_le<std::uint64_t>(at + 8);
        crc = 0;
        for (unsigned i = 0; i < 8; ++i) {
            crc ^= tables[15 - i][low >> (8 * i) & 0xFF] ^ tables[7 - i][high >> (8 * i) & 0xFF];
        }
    }
    for (; left > 0; --left, ++at) crc = (crc >> 8) ^ tables[0][(crc ^ static_cast<std::uint8_t>(*at)) & 0xFF];
    return ~crc;
}

}  // namespace riacho
