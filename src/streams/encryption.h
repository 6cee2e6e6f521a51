// Records at rest under StartStreamEncryption: the stream's data keys, and the states of a KMS key in which AWS refuses
// to use one.
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

// What tests can make of a key: the states in which AWS refuses to use one.
enum class KeyFault : std::uint8_t { access_denied, disabled, invalid_state, not_found, opt_in_required, throttling };

// By key id, as requests give it.
using KeyFaults = std::map<std::string, KeyFault, std::less<>>;

using catalog::seal_overhead;

// Thread-safe.
class DataKeys {
public:
    DataKeys(const catalog::Keyring& keyring, core::Rng& rng, KeyFaults faults)
        : keys_(keyring, rng), faults_(std::move(faults)) {}

    // A new data key as the catalog keeps it, bound to the stream's ARN.
    [[nodiscard]] std::string make(std::string_view stream_arn) const { return keys_.make(stream_arn); }
    // Whether the keyring is the one that sealed the stream's keys; true for a stream without keys.
    [[nodiscard]] bool can_open(const catalog::StreamState& stream) const;

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
    catalog::DataKeys keys_;
    const KeyFaults faults_;
};

}  // namespace riacho::streams
