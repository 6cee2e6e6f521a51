// CRC-32 as zlib, gzip and AWS event streams use it (polynomial 0xEDB88320 reflected).
#pragma once

#include <cstdint>
#include <string_view>

namespace riacho {

// The checksum of data; or, with `crc` the checksum of earlier bytes, of those bytes followed by data.
std::uint32_t crc32(std::string_view data, std::uint32_t crc = 0) noexcept;

}  // namespace riacho
