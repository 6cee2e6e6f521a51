#include "base/digest.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <algorithm>
#include <memory>

#include "base/check.h"

namespace riacho {
namespace {

struct FreeContext {
    void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};

// EVP_MD objects are fetched once: an implicit fetch for each digest costs more than the digest of a partition key.
template <class Out>
Out digest(const EVP_MD* kind, std::string_view data, std::string_view more = {}) noexcept {
    thread_local const std::unique_ptr<EVP_MD_CTX, FreeContext> owned(EVP_MD_CTX_new());
    EVP_MD_CTX* const context = owned.get();
    Out out;
    unsigned size = 0;
    const bool ok = EVP_DigestInit_ex2(context, kind, nullptr) == 1 &&
                    EVP_DigestUpdate(context, data.data(), data.size()) == 1 &&
                    (more.empty() || EVP_DigestUpdate(context, more.data(), more.size()) == 1) &&
                    EVP_DigestFinal_ex(context, out.data(), &size) == 1;
    RIACHO_CHECK(ok && size == out.size(), "OpenSSL digest failed");
    return out;
}

const EVP_MD* sha256_kind() {
    static const EVP_MD* kind = EVP_MD_fetch(nullptr, "SHA256", nullptr);
    return kind;
}

}  // namespace

Md5 md5(std::string_view data) noexcept {
    static const EVP_MD* kind = EVP_MD_fetch(nullptr, "MD5", nullptr);
    return digest<Md5>(kind, data);
}

Sha256 sha256(std::string_view data) noexcept { return digest<Sha256>(sha256_kind(), data); }

// RFC 2104, over the context that is kept: OpenSSL's HMAC() looks up its parts and allocates for each call, which costs
// more than the hashing of a short text.
Sha256 hmac_sha256(std::string_view key, std::string_view data) noexcept {
    constexpr std::size_t block_size = 64;
    constexpr char inner_pad = 0x36;
    constexpr char outer_pad = 0x5C;
    std::array<char, block_size> block{};
    if (key.size() > block_size) {
        std::ranges::copy(as_text(sha256(key)), block.begin());
    } else {
        std::ranges::copy(key, block.begin());
    }
    const std::string_view padded(block.data(), block.size());
    for (char& c : block) c ^= inner_pad;
    const Sha256 inner = digest<Sha256>(sha256_kind(), padded, data);
    for (char& c : block) c ^= inner_pad ^ outer_pad;
    const Sha256 out = digest<Sha256>(sha256_kind(), padded, as_text(inner));
    OPENSSL_cleanse(block.data(), block.size());
    return out;
}

std::string to_hex(std::string_view data) {
    static constexpr char digits[] = "0123456789abcdef";
    std::string hex;
    hex.reserve(data.size() * 2);
    for (const char c : data) {
        const auto byte = static_cast<std::uint8_t>(c);
        hex.push_back(digits[byte >> 4]);
        hex.push_back(digits[byte & 0xF]);
    }
    return hex;
}

std::optional<std::string> from_hex(std::string_view hex) {
    const auto digit = [](char c) -> int {
        if (c >= '0' && c <= '9') return c - '0';
        if (c >= 'a' && c <= 'f') return c - 'a' + 10;
        if (c >= 'A' && c <= 'F') return c - 'A' + 10;
        return -1;
    };
    if (hex.size() % 2 != 0) return std::nullopt;
    std::string data;
    data.reserve(hex.size() / 2);
    for (std::size_t i = 0; i < hex.size(); i += 2) {
        const int high = digit(hex[i]);
        const int low = digit(hex[i + 1]);
        if (high < 0 || low < 0) return std::nullopt;
        data.push_back(static_cast<char>(high * 16 + low));
    }
    return data;
}

bool equal_constant_time(std::string_view a, std::string_view b) noexcept {
    return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace riacho
