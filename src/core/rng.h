// Rng: the one source of randomness. Everything outside core/ takes an Rng&.
#pragma once

#include <atomic>
#include <cstdint>
#include <span>
#include <string>

namespace riacho::core {

// Thread-safe.
class Rng {
public:
    virtual ~Rng() = default;
    virtual void fill(std::span<std::byte> out) = 0;
    std::uint64_t next();
    // A version 4 UUID in its usual lower-case text.
    std::string uuid();
};

// The kernel's generator; fit for keys and tokens.
class SystemRng final : public Rng {
public:
    void fill(std::span<std::byte> out) override;
};

// The same numbers for the same seed; for tests.
class SeededRng final : public Rng {
public:
    explicit SeededRng(std::uint64_t seed) : state_(seed) {}
    void fill(std::span<std::byte> out) override;

private:
    std::atomic<std::uint64_t> state_;
};

}  // namespace riacho::core
