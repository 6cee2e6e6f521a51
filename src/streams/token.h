// The content of Data Streams' tokens: shard iterators and positions in listings.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "aws/token_sealer.h"
#include "base/time.h"

namespace riacho::streams {

using aws::TokenSealer;

// The position of the next GetRecords.
struct ShardIterator {
    TimestampMs issued_at;
    std::uint64_t stream_uid = 0;  // differs for a re-created stream, so an old iterator does not read new data
    std::int32_t shard_index = 0;
    std::uint64_t next_seq = 0;
    std::string stream_name;  // for the error text when the stream is gone
};

std::string seal_iterator(const TokenSealer& sealer, const ShardIterator& iterator);
// Nothing for any text that is not an iterator sealed by this node's key. AWS accepts one in literal double quotes
// [prod].
std::optional<ShardIterator> open_iterator(const TokenSealer& sealer, std::string_view text);

// AWS: 300 s from issue, spec 4.6 (tests/api/test_limits.py).
inline constexpr std::int64_t token_lifetime_ms = 300'000;

// The position at which a listing continues.
struct PageToken {
    TimestampMs issued_at;
    std::uint64_t stream_uid = 0;  // 0 for listings of streams
    std::string after;             // name or shard id of the last listed element
    std::string filter;            // the listing's own parameters, which the next request does not repeat
};

std::string seal_page(const TokenSealer& sealer, TokenSealer::Kind kind, const PageToken& page);
std::optional<PageToken> open_page(const TokenSealer& sealer, TokenSealer::Kind kind, std::string_view text);

}  // namespace riacho::streams
