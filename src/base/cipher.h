// AES-256-GCM over whole buffers (OpenSSL behind one .cc file).
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace riacho {

using AesKey = std::array<std::uint8_t, 32>;
using GcmNonce = std::array<std::uint8_t, 12>;
inline constexpr std::size_t gcm_tag_size = 16;

// Ciphertext followed by the 16-byte tag. A nonce must never be used twice with one key.
std::string aes_256_gcm_seal(const AesKey& key, const GcmNonce& nonce, std::string_view associated,
                             std::string_view plain);

// The plain text; nothing if the nonce, the associated data, the ciphertext or the tag was changed since it was sealed.
std::optional<std::string> aes_256_gcm_open(const AesKey& key, const GcmNonce& nonce, std::string_view associated,
                                            std::string_view sealed);

}  // namespace riacho
