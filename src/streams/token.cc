#include "streams/token.h"

#include <span>

#include "base/base64.h"
#include "base/bytes.h"
#include "base/cipher.h"
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

class Writer {
public:
    Writer() { put(std::uint8_t{format}); }
    template <std::unsigned_integral T>
    void put(T value) {
        std::array<std::byte, sizeof(T)> bytes;
        put_le(bytes.data(), value);
        text_.append(as_text(bytes));
    }
    void put(TimestampMs at) { put(static_cast<std::uint64_t>(at.value())); }
    void put(std::string_view text) {
        put(static_cast<std::uint16_t>(text.size()));
        text_.append(text);
    }
    [[nodiscard]] const std::string& text() const { return text_; }

private:
    std::string text_;
};

class Reader {
public:
    explicit Reader(std::string_view text) : left_(text) { ok_ = get<std::uint8_t>() == format; }
    template <std::unsigned_integral T>
    T get() {
        if (left_.size() < sizeof(T)) {
            ok_ = false;
            return {};
        }
        const T value = get_le<T>(as_bytes(left_).data());
        left_.remove_prefix(sizeof(T));
        return value;
    }
    TimestampMs get_time() { return TimestampMs(static_cast<std::int64_t>(get<std::uint64_t>())); }
    std::string get_text() {
        const auto size = get<std::uint16_t>();
        if (left_.size() < size) {
            ok_ = false;
            return {};
        }
        std::string text(left_.substr(0, size));
        left_.remove_prefix(size);
        return text;
    }
    [[nodiscard]] bool ok() const { return ok_; }

private:
    std::string_view left_;
    bool ok_ = true;
};

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
    Writer writer;
    writer.put(iterator.issued_at);
    writer.put(iterator.stream_uid);
    writer.put(static_cast<std::uint32_t>(iterator.shard_index));
    writer.put(iterator.next_seq);
    writer.put(std::string_view(iterator.stream_name));
    return sealer.seal(TokenSealer::Kind::shard_iterator, writer.text());
}

std::optional<ShardIterator> open_iterator(const TokenSealer& sealer, std::string_view text) {
    if (text.size() >= 2 && text.front() == '"' && text.back() == '"') text = text.substr(1, text.size() - 2);
    const auto content = sealer.open(TokenSealer::Kind::shard_iterator, text);
    if (!content) return std::nullopt;
    Reader reader(*content);
    ShardIterator iterator;
    iterator.issued_at = reader.get_time();
    iterator.stream_uid = reader.get<std::uint64_t>();
    iterator.shard_index = static_cast<std::int32_t>(reader.get<std::uint32_t>());
    iterator.next_seq = reader.get<std::uint64_t>();
    iterator.stream_name = reader.get_text();
    if (!reader.ok()) return std::nullopt;
    return iterator;
}

std::string seal_page(const TokenSealer& sealer, TokenSealer::Kind kind, const PageToken& page) {
    Writer writer;
    writer.put(page.issued_at);
    writer.put(page.stream_uid);
    writer.put(std::string_view(page.after));
    writer.put(std::string_view(page.filter));
    return sealer.seal(kind, writer.text());
}

std::optional<PageToken> open_page(const TokenSealer& sealer, TokenSealer::Kind kind, std::string_view text) {
    const auto content = sealer.open(kind, text);
    if (!content) return std::nullopt;
    Reader reader(*content);
    PageToken page;
    page.issued_at = reader.get_time();
    page.stream_uid = reader.get<std::uint64_t>();
    page.after = reader.get_text();
    page.filter = reader.get_text();
    if (!reader.ok()) return std::nullopt;
    return page;
}

}  // namespace riacho::streams
