// Records at rest under StartStreamEncryption: data keys, sealed under the master key and kept with the stream;
// records, sealed under the data key before they reach the log (docs/formats/catalog.md).
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "aws/error.h"
#include "base/cipher.h"
#include "base/mutex.h"
#include "catalog/keyring.h"
#include "catalog/model.h"
#include "core/fwd.h"

namespace riacho::streams {

// What tests can make of a key: the states in which AWS refuses to use one.
enum class KeyFault : std::uint8_t { access_denied, disabled, invalid_state, not_found, opt_in_required, throttling };

// By key id, as requests give it.
using KeyFaults = std::map<std::string, KeyFault, std::less<>>;

// The bytes a sealed record has more than its data: version of the data key, nonce, tag.
inline constexpr std::size_t seal_overhead = 4 + 12 + gcm_tag_size;

// Opens data keys, and remembers those it has opened. Thread-safe.
class DataKeys {
public:
    DataKeys(const catalog::Keyring& keyring, core::Rng& rng, KeyFaults faults)
        : keyring_(keyring), rng_(rng), faults_(std::move(faults)) {}

    // A new data key as the catalog keeps it, bound to the stream's ARN.
    [[nodiscard]] std::string make(std::string_view stream_arn) const;

    // Why the key cannot be used, if it cannot.
    [[nodiscard]] std::optional<aws::ApiError> refusal(std::string_view key_id, const catalog::StreamState& stream,
                                                       bool writing) const;

    // Seals data into out, which has seal_overhead bytes more, under the stream's newest key.
    void seal(const catalog::StreamState& stream, std::string_view partition_key, std::string_view data,
              std::span<std::byte> out) const;
    // The data of a sealed record; nothing if it is not what was sealed.
    [[nodiscard]] std::optional<std::string> open(const catalog::StreamState& stream, std::string_view partition_key,
                                                  std::string_view sealed) const;

private:
    // Version counts from 1. Nothing for a version the stream does not have, or whose seal does not hold.
    [[nodiscard]] std::shared_ptr<const AesKey> key_of(const catalog::StreamState& stream, std::uint32_t version) const;

    const catalog::Keyring& keyring_;
    core::Rng& rng_;
    const KeyFaults faults_;
    mutable Mutex mutex_;
    mutable std::map<std::pair<std::uint64_t, std::uint32_t>, std::shared_ptr<const AesKey>> opened_
        GUARDED_BY(mutex_);  // by stream uid and version
};

}  // namespace riacho::streams
