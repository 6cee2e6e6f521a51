// Shard iterators and pagination tokens: opaque, authenticated texts that any node with the same key can read.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/time.h"
#include "core/fwd.h"

namespace riacho::streams {

// Encrypts and authenticates (AES-256-GCM under a random nonce), so that equal contents never look equal. Thread-safe.
class TokenSealer {
public:
    TokenSealer(const std::array<std::uint8_t, 32>& key, core::Rng& rng) : key_(key), rng_(&rng) {}

    enum class Kind : std::uint8_t {
        shard_iterator = 1,
        list_streams = 2,
        list_shards = 3,
        list_consumers = 4,
        list_channels = 5,
        list_queues = 6,
        receipt = 7
    };

    // Base64 of 8 bytes 00..01, as AWS's begin, and a multiple of 16 bytes [prod, data-streams spec 4.6].
    [[nodiscard]] std::string seal(Kind kind, std::string_view content) const;
    // The content, unless the text was made for something else, by someone else, or was changed.
    [[nodiscard]] std::optional<std::string> open(Kind kind, std::string_view text) const;

private:
    std::array<std::uint8_t, 32> key_;
    core::Rng* rng_;
};

// Where the next GetRecords goes on.
struct ShardIterator {
    TimestampMs issued_at;
    std::uint64_t stream_uid = 0;  // a re-created stream has another, so an old iterator does not read new data
    std::int32_t shard_index = 0;
    std::uint64_t next_seq = 0;
    std::string stream_name;  // for the error text once the stream is gone
};

std::string seal_iterator(const TokenSealer& sealer, const ShardIterator& iterator);
// Nothing for anything but a whole iterator of ours. AWS accepts one wrapped in literal double quotes [prod].
std::optional<ShardIterator> open_iterator(const TokenSealer& sealer, std::string_view text);

// AWS: 300 s from issue, spec 4.6 (tests/api/test_limits.py).
inline constexpr std::int64_t token_lifetime_ms = 300'000;

// Where a listing goes on.
struct PageToken {
    TimestampMs issued_at;
    std::uint64_t stream_uid = 0;  // 0 for listings of streams
    std::string after;             // name or shard id of the last element shown
    std::string filter;            // the listing's own parameters, which the next request does not repeat
};

std::string seal_page(const TokenSealer& sealer, TokenSealer::Kind kind, const PageToken& page);
std::optional<PageToken> open_page(const TokenSealer& sealer, TokenSealer::Kind kind, std::string_view text);

}  // namespace riacho::streams
