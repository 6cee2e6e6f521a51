// The CRC instructions of arm64, an extension that all but the first CPUs have. Empty on other architectures.
#pragma once

#if defined(__aarch64__)

#include <arm_acle.h>
#include <asm/hwcap.h>
#include <sys/auxv.h>

#include <cstdint>

#include "base/bytes.h"

namespace riacho::arm {

inline bool has_crc() noexcept {
    static const bool available = (::getauxval(AT_HWCAP) & HWCAP_CRC32) != 0;
    return available;
}

#define RIACHO_ARM_CRC __attribute__((target("+crc"))) inline

// The register after `data`; needs has_crc().
RIACHO_ARM_CRC std::uint32_t crc32(ByteSpan data, std::uint32_t crc) noexcept {
    for (; data.size() >= 8; data = data.subspan(8)) crc = __crc32d(crc, get_le<std::uint64_t>(data.data()));
    for (const std::byte b : data) crc = __crc32b(crc, static_cast<std::uint8_t>(b));
    return crc;
}
RIACHO_ARM_CRC std::uint32_t crc32c(ByteSpan data, std::uint32_t crc) noexcept {
    for (; data.size() >= 8; data = data.subspan(8)) crc = __crc32cd(crc, get_le<std::uint64_t>(data.data()));
    for (const std::byte b : data) crc = __crc32cb(crc, static_cast<std::uint8_t>(b));
    return crc;
}

#undef RIACHO_ARM_CRC

}  // namespace riacho::arm

#endif
