#include "streams/token.h"

#include <span>

#include "base/base64.h"
#include "base/bytes.h"
#include "base/cipher.h"
#include "base/codec.h"
#include "core/rng.h"

namespace riacho::streams {
namespace {

constexpr std::string_view prefix{"\0\0\0\0\0\0\0\1", 8};
constexpr std::size_t nonce_size = 12;
constexpr std::size_t tag_size = 16;
constexpr std::size_t text_size_max = 2048;
constexpr std::uint8_t format = 1;

// Nonce + padded content + tag is a multiple of 16.
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

std::string seal_iterator(const TokenSealer& sealer, const ShardIterator& iterator) {
    Encoder out;
    out.number(format);
    out.time(iterator.issued_at);
    out.number(iterator.stream_uid);
    out.number(static_cast<std::uint32_t>(iterator.shard_index));
    out.number(iterator.next_seq);
    out.text(iterator.stream_name);
    return sealer.seal(TokenSealer::Kind::shard_iterator, out.bytes());
}

std::optional<ShardIterator> open_iterator(const TokenSealer& sealer, std::string_view text) {
    if (text.size() >= 2 && text.front() == '"' && text.back() == '"') text = text.substr(1, text.size() - 2);
    const auto content = sealer.open(TokenSealer::Kind::shard_iterator, text);
    if (!content) return std::nullopt;
    Decoder in(*content);
    if (in.number<std::uint8_t>() != format) return std::nullopt;
    ShardIterator iterator;
    iterator.issued_at = in.time();
    iterator.stream_uid = in.number<std::uint64_t>();
    iterator.shard_index = static_cast<std::int32_t>(in.number<std::uint32_t>());
    iterator.next_seq = in.number<std::uint64_t>();
    iterator.stream_name = in.text();
    if (!in.ok()) return std::nullopt;
    return iterator;
}

std::string seal_page(const TokenSealer& sealer, TokenSealer::Kind kind, const PageToken& page) {
    Encoder out;
    out.number(format);
    out.time(page.issued_at);
    out.number(page.stream_uid);
    out.text(page.after);
    out.text(page.filter);
    return sealer.seal(kind, out.bytes());
}

std::optional<PageToken> open_page(const TokenSealer& sealer, TokenSealer::Kind kind, std::string_view text) {
    const auto content = sealer.open(kind, text);
    if (!content) return std::nullopt;
    Decoder in(*content);
    if (in.number<std::uint8_t>() != format) return std::nullopt;
    PageToken page;
    page.issued_at = in.time();
    page.stream_uid = in.number<std::uint64_t>();
    page.after = in.text();
    page.filter = in.text();
    if (!in.ok()) return std::nullopt;
    return page;
}

}  // namespace riacho::streams
