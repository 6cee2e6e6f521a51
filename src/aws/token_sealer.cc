#include "aws/token_sealer.h"

#include <cstring>
#include <span>

#include "base/base64.h"
#include "base/bytes.h"
#include "base/cipher.h"
#include "core/rng.h"

namespace riacho::aws {
namespace {

constexpr std::string_view prefix{"\0\0\0\0\0\0\0\1", 8};
constexpr std::size_t nonce_size = 12;
constexpr std::size_t tag_size = 16;
constexpr std::size_t text_size_max = 2048;

// Makes nonce + padded content + tag a multiple of 16.
std::size_t padded_size(std::size_t size) { return round_up(size + nonce_size, 16) - nonce_size; }

}  // namespace

std::string TokenSealer::seal(Kind kind, std::string_view content) const {
    std::array<std::uint8_t, nonce_size> nonce{};
    rng_->fill(std::as_writable_bytes(std::span(nonce)));
    std::string padded(content);
    padded.resize(padded_size(content.size()), '\0');
    const char aad = static_cast<char>(kind);
    std::string token(prefix);
    token.append(reinterpret_cast<const char*>(nonce.data()), nonce.size());
    token += aes_256_gcm_seal(key_, nonce, {&aad, 1}, padded);
    return encode_base64(token);
}

std::optional<std::string> TokenSealer::open(Kind kind, std::string_view text) const {
    if (text.size() > text_size_max) return std::nullopt;
    const auto token = decode_base64(text);
    if (!token || token->size() < prefix.size() + nonce_size + tag_size || !token->starts_with(prefix))
        return std::nullopt;
    std::array<std::uint8_t, nonce_size> nonce{};
    const std::string_view sealed = std::string_view(*token).substr(prefix.size());
    std::memcpy(nonce.data(), sealed.data(), nonce_size);
    const char aad = static_cast<char>(kind);
    return aes_256_gcm_open(key_, nonce, {&aad, 1}, sealed.substr(nonce_size));
}

}  // namespace riacho::aws
