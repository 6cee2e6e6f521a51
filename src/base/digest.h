// MD5, SHA-256 and HMAC-SHA-256 over whole buffers (OpenSSL behind one .cc file), and hexadecimal text.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"

namespace riacho {

using Md5 = std::array<std::uint8_t, 16>;
using Sha256 = std::array<std::uint8_t, 32>;

Md5 md5(std::string_view data) noexcept;
Sha256 sha256(std::string_view data) noexcept;
Sha256 hmac_sha256(std::string_view key, std::string_view data) noexcept;

inline std::string_view as_text(const Sha256& digest) {
    return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

// Lower-case hexadecimal.
std::string to_hex(std::string_view data);
// The bytes of an even number of hexadecimal digits of either case; nothing if data is anything else.
std::optional<std::string> from_hex(std::string_view hex);
// Compares in time that depends on the lengths only.
bool equal_constant_time(std::string_view a, std::string_view b) noexcept;

}  // namespace riacho
