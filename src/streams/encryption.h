// Encryption of records at rest (StartStreamEncryption): the stream's data keys, and simulated states of a KMS key in
// which AWS refuses to use it.
#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "aws/error.h"
#include "catalog/data_keys.h"
#include "catalog/model.h"
#include "core/fwd.h"

namespace riacho::streams {

// States of a KMS key in which AWS refuses to use it; tests can set them for a key.
enum class KeyFault : std::uint8_t { access_denied, disabled, invalid_state, not_found, opt_in_required, throttling };

// By key id, as in requests.
using KeyFaults = std::map<std::string, KeyFault, std::less<>>;

using catalog::seal_overhead;

// Thread-safe.
class DataKeys {
public:
    DataKeys(const catalog::Keyring& keyring, core::Rng& rng, KeyFaults faults)
        : keys_(keyring, rng), faults_(std::move(faults)) {}

    // A new data key in the sealed form that the catalog stores, bound to the stream's ARN.
    [[nodiscard]] std::string make(std::string_view stream_arn) const { return keys_.make(stream_arn); }
    // Whether the keyring can open the stream's keys; true for a stream without keys.
    [[nodiscard]] bool can_open(const catalog::StreamState& stream) const;

    // The error if the key cannot be used.
    [[nodiscard]] std::optional<aws::ApiError> refusal(std::string_view key_id, const catalog::StreamState& stream,
                                                       bool writing) const;

    // Seals data into out, which must be seal_overhead bytes longer, under the stream's newest key.
    void seal(const catalog::StreamState& stream, std::string_view partition_key, std::string_view data,
              std::span<std::byte> out) const;
    // The data of a sealed record; nothing if the record, the stream or the partition key differs from the sealing.
    [[nodiscard]] std::optional<std::string> open(const catalog::StreamState& stream, std::string_view partition_key,
                                                  std::string_view sealed) const;

private:
    catalog::DataKeys keys_;
    const KeyFaults faults_;
};

}  // namespace riacho::streams
