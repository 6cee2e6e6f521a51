// Kinesis sequence numbers. AWS: data-streams spec 4.4; 47 hexadecimal digits, shown as 56 decimal ones:
//
//   2 | created_s 9 | shard index 1 (low nibble) | seq_ix 16 | 00 | time_s 9 | shard index 8 | version 1
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace riacho {

// The seq_ix of a closed shard's EndingSequenceNumber; no record has it.
inline constexpr std::uint64_t closed_seq_ix = 0x7FFF'FFFF'FFFF'FFFF;

struct SequenceNumber {
    std::int64_t created_s = 0;  // of the shard; 36 bits
    std::int64_t time_s = 0;     // of the record; 36 bits
    std::uint64_t seq_ix = 0;    // 63 bits
    std::int32_t shard_index = 0;
    std::uint8_t version = 2;

    friend bool operator==(const SequenceNumber&, const SequenceNumber&) = default;
};

class SequenceText {
public:
    static constexpr std::size_t size = 56;
    [[nodiscard]] std::string_view view() const { return {digits_.data(), size}; }

private:
    friend SequenceText format_sequence_number(const SequenceNumber& number);
    std::array<char, size> digits_{};
};

// The fields must be in range; written as version 2 whatever `version` says.
SequenceText format_sequence_number(const SequenceNumber& number);

// Versions 0, 1 and 2, by the rules AWS applies: leading digit, version digit, seq_ix below 2^63, creation time below
// 16025175000. Nothing for any other text.
std::optional<SequenceNumber> parse_sequence_number(std::string_view text);

}  // namespace riacho
