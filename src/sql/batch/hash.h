// A fast hash of bytes. The algorithm is fixed: fingerprints of operators are on disk.
#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>

namespace riacho::sql {

namespace hash_detail {

inline std::uint64_t mix(std::uint64_t a, std::uint64_t b) {
    const auto product = static_cast<unsigned __int128>(a) * b;
    return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}
inline std::uint64_t read(const char* at, std::size_t size) {
    std::uint64_t value = 0;
    if (size > 0) std::memcpy(&value, at, size);  // an empty text may be a null pointer
    return value;
}
inline constexpr std::uint64_t k0 = 0xa0761d6478bd642f;
inline constexpr std::uint64_t k1 = 0xe7037ed1a0b428db;
inline constexpr std::uint64_t k2 = 0x8ebc6af09c88c6e3;

}  // namespace hash_detail

// Multiplies and folds 16 bytes at a time, like wyhash. `seed` is secret, because keys are untrusted data.
inline std::uint64_t hash_bytes(const char* at, std::size_t size, std::uint64_t seed) {
    using namespace hash_detail;
    std::uint64_t hash = seed ^ mix(k0 ^ size, k2);
    std::size_t left = size;
    for (; left > 16; left -= 16, at += 16) hash = mix(read(at, 8) ^ k1, read(at + 8, 8) ^ hash);
    const std::uint64_t a = left > 8 ? read(at, 8) : read(at, left);
    const std::uint64_t b = left > 8 ? read(at + 8, left - 8) : 0;
    return mix(k1 ^ hash, mix(a ^ k0, b ^ hash ^ k2));
}

inline std::uint64_t hash_bytes(std::string_view text, std::uint64_t seed) {
    return hash_bytes(text.data(), text.size(), seed);
}

}  // namespace riacho::sql
