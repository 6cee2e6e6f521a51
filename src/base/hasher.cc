#include "base/hasher.h"

#include <openssl/evp.h>

#include "base/check.h"

namespace riacho {

struct Sha256Hasher::Impl {
    struct Free {
        void operator()(EVP_MD_CTX* raw) const { EVP_MD_CTX_free(raw); }
    };
    std::unique_ptr<EVP_MD_CTX, Free> context{EVP_MD_CTX_new()};
};

Sha256Hasher::Sha256Hasher() : impl_(std::make_unique<Impl>()) {
    RIACHO_CHECK(impl_->context && EVP_DigestInit_ex(impl_->context.get(), EVP_sha256(), nullptr) == 1,
                 "SHA-256 is not available");
}

Sha256Hasher::~Sha256Hasher() = default;
Sha256Hasher::Sha256Hasher(Sha256Hasher&&) noexcept = default;
Sha256Hasher& Sha256Hasher::operator=(Sha256Hasher&&) noexcept = default;

void Sha256Hasher::update(std::string_view data) {
    RIACHO_CHECK(EVP_DigestUpdate(impl_->context.get(), data.data(), data.size()) == 1, "SHA-256 failed");
}

Sha256 Sha256Hasher::finish() {
    Sha256 digest{};
    RIACHO_CHECK(EVP_DigestFinal_ex(impl_->context.get(), digest.data(), nullptr) == 1, "SHA-256 failed");
    return digest;
}

}  // namespace riacho
