// Whole vectors of base64: AVX2 on x86-64, NEON on arm64. Each function says how far it came; base/base64.cc does the
// rest one by one.
#pragma once

#include <cstddef>
#include <string_view>

namespace riacho::base64_vectors {

inline constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

// False: this CPU has no vectors that riacho knows, and the functions below must not be called.
inline bool are_available() noexcept {
#if defined(__x86_64__)
    static const bool available = __builtin_cpu_supports("avx2") != 0;
    return available;
#elif defined(__aarch64__)
    return true;
#else
    return false;
#endif
}

// The length of a prefix that is in the alphabet, in steps of 32 characters.
std::size_t valid_prefix(std::string_view text) noexcept;
// Decodes a text that check_base64() accepted; writes nothing behind its output. Returns the characters consumed.
std::size_t decode(std::string_view text, char* out) noexcept;
// Returns the bytes consumed.
std::size_t encode(std::string_view data, char* out) noexcept;

}  // namespace riacho::base64_vectors
