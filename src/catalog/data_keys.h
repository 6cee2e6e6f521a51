// Data keys: the keys that seal the records of one owner (a stream, or an object with records of its own) under
// AES-256-GCM. Each is stored sealed under the master key, by version from 1 on (docs/formats/catalog.md).
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "base/cipher.h"
#include "base/mutex.h"
#include "catalog/keyring.h"
#include "core/fwd.h"

namespace riacho::catalog {

// Bytes that sealing adds to a record: version of the data key, nonce, tag.
inline constexpr std::size_t seal_overhead = 4 + 12 + gcm_tag_size;

// The owner of data keys. The uids of streams and objects differ.
struct KeyOwner {
    std::uint64_t uid = 0;
    std::string_view arn;
    std::span<const std::string> keys;  // sealed, by version from 1 on
};

// Opens data keys and caches them. Thread-safe.
class DataKeys {
public:
    DataKeys(const Keyring& keyring, core::Rng& rng) : keyring_(keyring), rng_(rng) {}

    // A new data key in the sealed form that the catalog stores, bound to the owner's ARN.
    [[nodiscard]] std::string make(std::string_view owner_arn) const;
    // Whether the keyring opens the owner's newest key. False: another keyring sealed it.
    [[nodiscard]] bool can_open(const KeyOwner& owner) const;

    // Seals data into out, which must be seal_overhead bytes longer, under the owner's newest key, with `bound` as
    // associated data.
    void seal(const KeyOwner& owner, std::string_view bound, std::string_view data, std::span<std::byte> out) const;
    // The data of a sealed record; nothing if the record, the owner or `bound` differs from the sealing.
    [[nodiscard]] std::optional<std::string> open(const KeyOwner& owner, std::string_view bound,
                                                  std::string_view sealed) const;

private:
    // Null if the owner has no key of that version, or the key cannot be opened.
    [[nodiscard]] std::shared_ptr<const AesKey> key_of(const KeyOwner& owner, std::uint32_t version) const;

    const Keyring& keyring_;
    core::Rng& rng_;
    mutable Mutex mutex_;
    mutable std::map<std::pair<std::uint64_t, std::uint32_t>, std::shared_ptr<const AesKey>> opened_
        GUARDED_BY(mutex_);  // by uid and version
};

}  // namespace riacho::catalog
