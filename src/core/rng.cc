#include "core/rng.h"

#include <sys/random.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "base/check.h"

namespace riacho::core {
namespace {

// A signal may cut a call short.
void fill_from_kernel(std::span<std::byte> out) {
    while (!out.empty()) {
        const ssize_t n = getrandom(out.data(), out.size(), 0);
        RIACHO_CHECK(n > 0 || errno == EINTR, "getrandom failed");
        if (n > 0) out = out.subspan(static_cast<std::size_t>(n));
    }
}

}  // namespace

std::uint64_t Rng::next() {
    std::uint64_t value = 0;
    fill(std::as_writable_bytes(std::span(&value, 1)));
    return value;
}

std::string Rng::uuid() {
    std::array<std::uint8_t, 16> bytes{};
    fill(std::as_writable_bytes(std::span(bytes)));
    bytes[6] = static_cast<std::uint8_t>((bytes[6] & 0x0F) | 0x40);
    bytes[8] = static_cast<std::uint8_t>((bytes[8] & 0x3F) | 0x80);
    static constexpr char digits[] = "0123456789abcdef";
    std::string text;
    text.reserve(36);
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        if (i == 4 || i == 6 || i == 8 || i == 10) text.push_back('-');
        text.push_back(digits[bytes[i] >> 4]);
        text.push_back(digits[bytes[i] & 0xF]);
    }
    return text;
}

void SystemRng::fill(std::span<std::byte> out) {
    // A request id is drawn for every request: one system call serves many of them.
    thread_local std::array<std::byte, 4096> pool;
    thread_local std::size_t used = pool.size();
    if (out.size() > pool.size()) {
        fill_from_kernel(out);
        return;
    }
    if (pool.size() - used < out.size()) {
        fill_from_kernel(pool);
        used = 0;
    }
    std::memcpy(out.data(), pool.data() + used, out.size());
    // The bytes returned may become a key: no copy stays in the pool.
    std::memset(pool.data() + used, 0, out.size());
    used += out.size();
}

void SeededRng::fill(std::span<std::byte> out) {
    // splitmix64
    while (!out.empty()) {
        std::uint64_t z = state_.fetch_add(0x9E3779B97F4A7C15) + 0x9E3779B97F4A7C15;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        z ^= z >> 31;
        const std::size_t n = std::min(out.size(), sizeof z);
        std::memcpy(out.data(), &z, n);
        out = out.subspan(n);
    }
}

}  // namespace riacho::core
