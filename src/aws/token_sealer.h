// TokenSealer: opaque, authenticated tokens that clients hold (shard iterators, positions in listings, receipts),
// readable by any node with the same key.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/fwd.h"

namespace riacho::aws {

// Encrypts and authenticates (AES-256-GCM with a random nonce), so that equal contents give different tokens.
// Thread-safe.
class TokenSealer {
public:
    TokenSealer(const std::array<std::uint8_t, 32>& key, core::Rng& rng) : key_(key), rng_(&rng) {}

    // The purpose of a token: a token of one kind opens as no other. The numbers are part of tokens that clients hold.
    enum class Kind : std::uint8_t {
        shard_iterator = 1,
        list_streams = 2,
        list_shards = 3,
        list_consumers = 4,
        list_channels = 5,
        list_queues = 6,
        receipt = 7,
        list_video_streams = 20,
        list_fragments = 21,
        playback_session = 22
    };

    // Base64 of a prefix of 8 bytes 00..01, as in AWS's tokens, and a multiple of 16 bytes [prod, data-streams spec
    // 4.6].
    [[nodiscard]] std::string seal(Kind kind, std::string_view content) const;
    // The content, unless the token has another kind, was made with another key, or was changed.
    [[nodiscard]] std::optional<std::string> open(Kind kind, std::string_view text) const;

private:
    std::array<std::uint8_t, 32> key_;
    core::Rng* rng_;
};

}  // namespace riacho::aws
