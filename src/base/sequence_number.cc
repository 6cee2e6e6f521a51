#include "base/sequence_number.h"

#include "base/check.h"
#include "base/u128.h"
#include "base/u192.h"

namespace riacho {
namespace {

constexpr std::int64_t created_s_end = 16'025'175'000;
constexpr std::size_t digits_max = 129;  // the model's pattern

// The decimal digits of a sequence number: 18, 19 and 19 of them. A batch and a read have numbers of one shard and one
// time that follow each other; for those an addition replaces four long divisions.
class Digits {
public:
    void set(const SequenceNumber& number) {
        const bool follows = is_set_ && number.seq_ix == last_.seq_ix + 1 && number.shard_index == last_.shard_index &&
                             number.time_s == last_.time_s && number.created_s == last_.created_s;
        if (follows) {
            RIACHO_CHECK(number.seq_ix <= closed_seq_ix);
            add_step();
        } else {
            compute(number);
        }
        last_ = number;
        is_set_ = true;
    }

    // Writes 56 characters.
    void write(char* at) const {
        write_digits(high_, at, 18);
        write_digits(middle_, at + 18, 19);
        write_digits(low_, at + 37, 19);
    }

private:
    // seq_ix counts from bit 80 on: adds 2^80.
    void add_step() {
        constexpr std::uint64_t step_low = 5'819'614'629'174'706'176U;
        constexpr std::uint64_t step_middle = 120'892;
        static_assert(static_cast<U128>(step_middle) * ten_to_19 + step_low == U128{1} << 80);
        low_ += step_low;  // below 1.6 * 10^19, which 64 bits hold
        middle_ += step_middle + (low_ >= ten_to_19 ? 1 : 0);
        if (low_ >= ten_to_19) low_ -= ten_to_19;
        high_ += middle_ >= ten_to_19 ? 1 : 0;
        if (middle_ >= ten_to_19) middle_ -= ten_to_19;
    }

    void compute(const SequenceNumber& number) {
        const auto created = static_cast<std::uint64_t>(number.created_s);
        const auto time = static_cast<std::uint64_t>(number.time_s);
        const auto shard = static_cast<std::uint32_t>(number.shard_index);
        RIACHO_CHECK(created < (1ULL << 36) && time < (1ULL << 36) && number.seq_ix <= closed_seq_ix);
        // From the bottom: version 4 bits, shard 32, time 36 | zero 8, seq_ix 64, shard nibble 4, created 36, leader 4.
        const U128 low = static_cast<U128>(2) | static_cast<U128>(shard) << 4 | static_cast<U128>(time) << 36 |
                         static_cast<U128>(number.seq_ix) << 80;
        const std::uint64_t high =
            number.seq_ix >> 48 | static_cast<std::uint64_t>(shard & 0xF) << 16 | created << 20 | 2ULL << 56;
        U192 value{static_cast<std::uint64_t>(low), static_cast<std::uint64_t>(low >> 64), high};
        low_ = divide_by_ten_to_19(value);
        middle_ = divide_by_ten_to_19(value);
        high_ = value[0];
    }

    SequenceNumber last_;
    bool is_set_ = false;
    std::uint64_t high_ = 0;
    std::uint64_t middle_ = 0;
    std::uint64_t low_ = 0;
};

// The bits [low, low + count) of a wide number; count <= 64.
std::uint64_t bits(const U192& value, unsigned low, unsigned count) {
    const unsigned word = low / 64;
    const unsigned shift = low % 64;
    U128 part = word < value.size() ? value[word] : 0;
    if (word + 1 < value.size()) part |= static_cast<U128>(value[word + 1]) << 64;
    part >>= shift;
    const U128 mask = (U128{1} << count) - 1;
    return static_cast<std::uint64_t>(part & mask);
}

std::optional<SequenceNumber> checked(SequenceNumber number) {
    if (number.created_s >= created_s_end || number.seq_ix > closed_seq_ix) return std::nullopt;
    return number;
}

// 47 hexadecimal digits: bit 184 starts the leading one.
std::optional<SequenceNumber> from_long(const U192& value) {
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
    thread_local Digits digits;
    digits.set(number);
    SequenceText text;
    digits.write(text.digits_.data());
    return text;
}

std::optional<SequenceNumber> parse_sequence_number(std::string_view text) {
    if (text.empty() || text.size() > digits_max) return std::nullopt;
    const auto value = parse_u192(text);  // no version is longer than that
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
