// What the tokens of Data Streams hold: shard iterators and places in listings.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "aws/token_sealer.h"
#include "base/time.h"

namespace riacho::streams {

using aws::TokenSealer;

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
