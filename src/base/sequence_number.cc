#include "base/sequence_number.h"

#include <cstring>

#include "base/check.h"
#include "base/u128.h"

namespace riacho {
namespace {

constexpr std::int64_t created_s_end = 16'025'175'000;
constexpr std::size_t digits_max = 129;  // the model's pattern

// 192 bits as three 64-bit words, least significant first.
using Wide = std::array<std::uint64_t, 3>;

// Divides by 10^19 in place and returns the remainder.
constexpr std::uint64_t ten_to_19 = 10'000'000'000'000'000'000U;
std::uint64_t divide(Wide& value) {
    U128 rest = 0;
    for (std::size_t i = value.size(); i-- > 0;) {
        const U128 part = (rest << 64) | value[i];
        value[i] = static_cast<std::uint64_t>(part / ten_to_19);
        rest = part % ten_to_19;
    }
    return static_cast<std::uint64_t>(rest);
}

void put_digits(std::uint64_t value, char* at, std::size_t count) {
    for (std::size_t i = count; i-- > 0; value /= 10) at[i] = static_cast<char>('0' + value % 10);
}

// The bits [low, low + count) of a wide number; count <= 64.
std::uint64_t bits(const Wide& value, unsigned low, unsigned count) {
    const unsigned word = low / 64;
    const unsigned shift = low % 64;
    U128 part = word < value.size() ? value[word] : 0;
    if (word + 1 < value.size()) part |= static_cast<U128>(value[word + 1]) << 64;
    part >>= shift;
    const U128 mask = (U128{1} << count) - 1;
    return static_cast<std::uint64_t>(part & mask);
}

// Nothing when the number needs more than 192 bits: no version is that long.
std::optional<Wide> parse_wide(std::string_view text) {
    Wide value{};
    for (const char c : text) {
        if (c < '0' || c > '9') return std::nullopt;
        U128 carry = static_cast<unsigned>(c - '0');
        for (std::uint64_t& word : value) {
            carry += static_cast<U128>(word) * 10;
            word = static_cast<std::uint64_t>(carry);
            carry >>= 64;
        }
        if (carry != 0) return std::nullopt;
    }
    return value;
}

std::optional<SequenceNumber> checked(SequenceNumber number) {
    if (number.created_s >= created_s_end || number.seq_ix > closed_seq_ix) return std::nullopt;
    return number;
}

// 47 hexadecimal digits: bit 184 starts the leading one.
std::optional<SequenceNumber> from_long(const Wide& value) {
    if (bits(value, 184, 64) != 2) return std::nullopt;
    SequenceNumber number;
    number.created_s = static_cast<std::int64_t>(bits(value, 148, 36));
    number.version = static_cast<std::uint8_t>(bits(value, 0, 4));
    number.shard_index = static_cast<std::int32_t>(static_cast<std::uint32_t>(bits(value, 4, 32)));
    if (number.version == 2) {
        number.seq_ix = bits(value, 80, 64);
        number.time_s = static_cast<std::int64_t>(bits(value, 36, 36));
        return checked(number);
    }
    if (number.version == 1) {
        number.time_s = static_cast<std::int64_t>(bits(value, 100, 36));
        number.seq_ix = bits(value, 36, 8);
        return checked(number);
    }
    return std::nullopt;
}

}  // namespace

SequenceText format_sequence_number(const SequenceNumber& number) {
    const auto created = static_cast<std::uint64_t>(number.created_s);
    const auto time = static_cast<std::uint64_t>(number.time_s);
    const auto shard = static_cast<std::uint32_t>(number.shard_index);
    RIACHO_CHECK(created < (1ULL << 36) && time < (1ULL << 36) && number.seq_ix <= closed_seq_ix);
    // From the bottom: version 4 bits, shard 32, time 36 | zero 8, seq_ix 64, shard nibble 4, created 36, leader 4.
    const U128 low = static_cast<U128>(2) | static_cast<U128>(shard) << 4 | static_cast<U128>(time) << 36 |
                     static_cast<U128>(number.seq_ix) << 80;
    const std::uint64_t high =
        number.seq_ix >> 48 | static_cast<std::uint64_t>(shard & 0xF) << 16 | created << 20 | 2ULL << 56;
    Wide value{static_cast<std::uint64_t>(low), static_cast<std::uint64_t>(low >> 64), high};
    SequenceText text;
    put_digits(divide(value), text.digits_.data() + 37, 19);
    put_digits(divide(value), text.digits_.data() + 18, 19);
    put_digits(value[0], text.digits_.data(), 18);
    return text;
}

std::optional<SequenceNumber> parse_sequence_number(std::string_view text) {
    if (text.empty() || text.size() > digits_max) return std::nullopt;
    const auto value = parse_wide(text);
    if (!value) return std::nullopt;
    if (bits(*value, 128, 64) != 0) return from_long(*value);
    // Version 0: numbers below 2^124 count from 2^124.
    U128 narrow = static_cast<U128>((*value)[1]) << 64 | (*value)[0];
    constexpr U128 base = U128{1} << 124;
    if (narrow < base) narrow += base;
    if (narrow >> 124 != 1) return std::nullopt;
    SequenceNumber number;
    number.version = 0;
    number.created_s = static_cast<std::int64_t>(static_cast<std::uint64_t>(narrow >> 88) & ((1ULL << 36) - 1));
    number.shard_index = static_cast<std::int32_t>(static_cast<std::uint32_t>(narrow & 0xFFFF));
    return checked(number);
}

}  // namespace riacho
