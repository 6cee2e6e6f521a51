#include "catalog/data_keys.h"

#include <cstring>

#include "base/bytes.h"
#include "base/check.h"
#include "core/rng.h"

namespace riacho::catalog {
namespace {

// Maximum number of cached opened keys; at the limit all are dropped, which also drops the keys of deleted owners.
constexpr std::size_t opened_max = 4'096;

std::string name_of_key(std::string_view owner_arn) { return std::string("data-key:").append(owner_arn); }

}  // namespace

std::string DataKeys::make(std::string_view owner_arn) const {
    std::string key(sizeof(AesKey), '\0');
    rng_.fill(std::as_writable_bytes(std::span(key)));
    return keyring_.seal_secret(name_of_key(owner_arn), key, rng_);
}

bool DataKeys::can_open(const KeyOwner& owner) const {
    return key_of(owner, static_cast<std::uint32_t>(owner.keys.size())) != nullptr;
}

std::shared_ptr<const AesKey> DataKeys::key_of(const KeyOwner& owner, std::uint32_t version) const {
    if (version == 0 || version > owner.keys.size()) return nullptr;
    const MutexLock lock(mutex_);
    if (const auto known = opened_.find({owner.uid, version}); known != opened_.end()) return known->second;
    const auto key = keyring_.open_secret(name_of_key(owner.arn), owner.keys[version - 1]);
    if (!key || key->size() != sizeof(AesKey)) return nullptr;
    AesKey bytes{};
    std::memcpy(bytes.data(), key->data(), bytes.size());
    if (opened_.size() >= opened_max) opened_.clear();
    return opened_[{owner.uid, version}] = std::make_shared<const AesKey>(bytes);
}

void DataKeys::seal(const KeyOwner& owner, std::string_view bound, std::string_view data,
                    std::span<std::byte> out) const {
    const auto version = static_cast<std::uint32_t>(owner.keys.size());
    const auto key = key_of(owner, version);
    RIACHO_CHECK(key != nullptr, "the keyring was checked against the catalog at start");
    GcmNonce nonce{};
    rng_.fill(std::as_writable_bytes(std::span(nonce)));
    put_le(out.data(), version);
    std::memcpy(out.data() + 4, nonce.data(), nonce.size());
    const std::string sealed = aes_256_gcm_seal(*key, nonce, bound, data);
    std::memcpy(out.data() + 4 + nonce.size(), sealed.data(), sealed.size());
}

std::optional<std::string> DataKeys::open(const KeyOwner& owner, std::string_view bound,
                                          std::string_view sealed) const {
    if (sealed.size() < seal_overhead) return std::nullopt;
    const auto version = get_le<std::uint32_t>(reinterpret_cast<const std::byte*>(sealed.data()));
    const auto key = key_of(owner, version);
    if (key == nullptr) return std::nullopt;
    GcmNonce nonce{};
    std::memcpy(nonce.data(), sealed.data() + 4, nonce.size());
    return aes_256_gcm_open(*key, nonce, bound, sealed.substr(4 + nonce.size()));
}

}  // namespace riacho::catalog
