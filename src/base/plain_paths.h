// The plain C++ of what has vector code as well: it runs on CPUs without the instructions, and takes what whole vectors
// leave over. Declared here for tests, which compare the two on one machine.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "base/bytes.h"
#include "base/u128.h"

namespace riacho::plain {

// As the functions of the same names in base/crc32.h, base/crc32c.h and base/hash_keys.h.
std::uint32_t crc32(std::string_view data, std::uint32_t crc) noexcept;
std::uint32_t crc32c(ByteSpan data, std::uint32_t seed) noexcept;
void hash_keys_of(std::span<const std::string_view> partition_keys, std::span<U128> hash_keys) noexcept;

// The length of the prefix that is in base64's alphabet.
std::size_t base64_prefix(std::string_view text) noexcept;
// As the functions of the same names in base/base64.h.
void decode_base64(std::string_view text, char* out) noexcept;
void encode_base64(std::string_view data, char* out) noexcept;

}  // namespace riacho::plain
