#include "base/cipher.h"

#include <openssl/evp.h>

#include <memory>

#include "base/check.h"

namespace riacho {
namespace {

struct FreeCipherContext {
    void operator()(EVP_CIPHER_CTX* context) const { EVP_CIPHER_CTX_free(context); }
};

// One context per thread: an iterator is sealed for every GetRecords.
EVP_CIPHER_CTX* context_of_thread() {
    thread_local const std::unique_ptr<EVP_CIPHER_CTX, FreeCipherContext> context(EVP_CIPHER_CTX_new());
    return context.get();
}

const EVP_CIPHER* kind() {
    static const EVP_CIPHER* cipher = EVP_CIPHER_fetch(nullptr, "AES-256-GCM", nullptr);
    return cipher;
}

const unsigned char* bytes(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }
unsigned char* bytes(std::string& text) { return reinterpret_cast<unsigned char*>(text.data()); }

}  // namespace

std::string aes_256_gcm_seal(const AesKey& key, const GcmNonce& nonce, std::string_view associated,
                             std::string_view plain) {
    EVP_CIPHER_CTX* context = context_of_thread();
    std::string sealed(plain.size() + gcm_tag_size, '\0');
    int n = 0;
    const bool ok =
        EVP_EncryptInit_ex2(context, kind(), key.data(), nonce.data(), nullptr) == 1 &&
        EVP_EncryptUpdate(context, nullptr, &n, bytes(associated), static_cast<int>(associated.size())) == 1 &&
        EVP_EncryptUpdate(context, bytes(sealed), &n, bytes(plain), static_cast<int>(plain.size())) == 1 &&
        EVP_EncryptFinal_ex(context, bytes(sealed) + n, &n) == 1 &&
        EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_GCM_GET_TAG, gcm_tag_size, sealed.data() + plain.size()) == 1;
    RIACHO_CHECK(ok, "OpenSSL AES-256-GCM failed");
    return sealed;
}

std::optional<std::string> aes_256_gcm_open(const AesKey& key, const GcmNonce& nonce, std::string_view associated,
                                            std::string_view sealed) {
    if (sealed.size() < gcm_tag_size) return std::nullopt;
    EVP_CIPHER_CTX* context = context_of_thread();
    const std::size_t size = sealed.size() - gcm_tag_size;
    std::string plain(size, '\0');
    std::string tag(sealed.substr(size));
    int n = 0;
    const bool ready =
        EVP_DecryptInit_ex2(context, kind(), key.data(), nonce.data(), nullptr) == 1 &&
        EVP_DecryptUpdate(context, nullptr, &n, bytes(associated), static_cast<int>(associated.size())) == 1 &&
        EVP_DecryptUpdate(context, bytes(plain), &n, bytes(sealed), static_cast<int>(size)) == 1 &&
        EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_GCM_SET_TAG, gcm_tag_size, tag.data()) == 1;
    RIACHO_CHECK(ready, "OpenSSL AES-256-GCM failed");
    int rest = 0;
    if (EVP_DecryptFinal_ex(context, bytes(plain) + n, &rest) != 1) return std::nullopt;
    return plain;
}

}  // namespace riacho
