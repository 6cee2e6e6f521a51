// Little-endian put and get on byte buffers. On-disk structures are written field by field with these, never by
// memcpy of a struct.
#pragma once

#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

namespace riacho {

static_assert(std::endian::native == std::endian::little, "put_le and get_le copy native integers");

using ByteSpan = std::span<const std::byte>;
using MutableByteSpan = std::span<std::byte>;

template <std::unsigned_integral T>
void put_le(std::byte* at, T value) {
    std::memcpy(at, &value, sizeof(T));
}

template <std::unsigned_integral T>
T get_le(const std::byte* at) {
    T value;
    std::memcpy(&value, at, sizeof(T));
    return value;
}

inline ByteSpan as_bytes(std::string_view text) { return std::as_bytes(std::span(text.data(), text.size())); }
inline std::string_view as_text(ByteSpan bytes) { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }

constexpr std::size_t round_up(std::size_t n, std::size_t multiple) { return (n + multiple - 1) / multiple * multiple; }

// LEB128, at most 10 bytes for 64 bits.
constexpr std::size_t varint_size(std::uint64_t value) {
    std::size_t n = 1;
    while (value >= 0x80) {
        value >>= 7;
        ++n;
    }
    return n;
}

// Writes value and returns the position after it.
inline std::byte* put_varint(std::byte* at, std::uint64_t value) {
    while (value >= 0x80) {
        *at++ = static_cast<std::byte>(value | 0x80);
        value >>= 7;
    }
    *at++ = static_cast<std::byte>(value);
    return at;
}

// Reads a varint from [at, end); returns the position after it, or nullptr if it is cut short or longer than 64 bits.
inline const std::byte* get_varint(const std::byte* at, const std::byte* end, std::uint64_t& value) {
    value = 0;
    for (unsigned shift = 0; shift < 64 && at != end; shift += 7) {
        const auto part = static_cast<std::uint8_t>(*at++);
        if (shift == 63 && part > 1) return nullptr;
        value |= static_cast<std::uint64_t>(part & 0x7F) << shift;
        if ((part & 0x80) == 0) return at;
    }
    return nullptr;
}

}  // namespace riacho
