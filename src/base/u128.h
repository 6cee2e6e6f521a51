// U128: the hash-key space of Kinesis, 0 to 2^128 - 1.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace riacho {

__extension__ typedef unsigned __int128 U128;

inline constexpr U128 u128_max = ~U128{0};

// A decimal without sign; nothing if text is empty, holds another character or is above 2^128 - 1.
std::optional<U128> parse_u128(std::string_view text);
std::string format_u128(U128 value);

// The first hash key of shard `index` when the space is split evenly over `count` shards.
// AWS: step = floor(2^128 / count) and the last shard takes the remainder (data-streams spec 4.2).
constexpr U128 even_shard_start(std::uint32_t index, std::uint32_t count) {
    // floor(2^128 / count) without a 129-bit number.
    const U128 step = count == 1 ? 0 : u128_max / count + (u128_max % count == count - 1 ? 1 : 0);
    return step * index;
}

}  // namespace riacho
