// CRC-32C (Castagnoli, polynomial 0x82F63B78 reflected), the checksum of everything riacho stores.
#pragma once

#include <cstdint>

#include "base/bytes.h"

namespace riacho {

// Checksum of data; pass an earlier result as seed to continue it: crc32c(b, crc32c(a)) == crc32c(a + b).
std::uint32_t crc32c(ByteSpan data, std::uint32_t seed = 0) noexcept;

}  // namespace riacho
