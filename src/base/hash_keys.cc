#include "base/hash_keys.h"

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <utility>

#include "base/check.h"
#include "base/hash_key.h"
#include "base/plain_paths.h"

namespace riacho {
namespace {

static_assert(std::endian::native == std::endian::little);

constexpr std::size_t block_size = 64;
constexpr std::size_t text_size_max = 55;  // a text, the byte 0x80 and eight bytes of length are one block
constexpr std::size_t lane_count = 16;
constexpr std::size_t word_count = block_size / 4;

// One 32-bit word of each lane. One register with AVX-512, two with AVX2, four with SSE2 and NEON; where there are
// several, the chains of dependent steps overlap.
using Lanes = std::uint32_t __attribute__((vector_size(lane_count * 4)));

struct Blocks {
    alignas(64) std::uint32_t words[word_count][lane_count];
};
struct States {
    alignas(64) std::uint32_t words[4][lane_count];
};

constexpr std::array<std::uint32_t, 4> initial = {0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476};

// RFC 1321: floor(2^32 * abs(sin(i + 1))).
constexpr std::array<std::uint32_t, 64> constants = {
    0xd76aa478, 0xe8c7b756, 0x242070db, 0xc1bdceee, 0xf57c0faf, 0x4787c62a, 0xa8304613, 0xfd469501,
    0x698098d8, 0x8b44f7af, 0xffff5bb1, 0x895cd7be, 0x6b901122, 0xfd987193, 0xa679438e, 0x49b40821,
    0xf61e2562, 0xc040b340, 0x265e5a51, 0xe9b6c7aa, 0xd62f105d, 0x02441453, 0xd8a1e681, 0xe7d3fbc8,
    0x21e1cde6, 0xc33707d6, 0xf4d50d87, 0x455a14ed, 0xa9e3e905, 0xfcefa3f8, 0x676f02d9, 0x8d2a4c8a,
    0xfffa3942, 0x8771f681, 0x6d9d6122, 0xfde5380c, 0xa4beea44, 0x4bdecfa9, 0xf6bb4b60, 0xbebfbc70,
    0x289b7ec6, 0xeaa127fa, 0xd4ef3085, 0x04881d05, 0xd9d4d039, 0xe6db99e5, 0x1fa27cf8, 0xc4ac5665,
    0xf4292244, 0x432aff97, 0xab9423a7, 0xfc93a039, 0x655b59c3, 0x8f0ccc92, 0xffeff47d, 0x85845dd1,
    0x6fa87e4f, 0xfe2ce6e0, 0xa3014314, 0x4e0811a1, 0xf7537e82, 0xbd3af235, 0x2ad7d2bb, 0xeb86d391};
constexpr std::array<std::array<unsigned, 4>, 4> shifts = {
    {{7, 12, 17, 22}, {5, 9, 14, 20}, {4, 11, 16, 23}, {6, 10, 15, 21}}};

#define RIACHO_INLINE [[gnu::always_inline]] inline

template <std::size_t step>
RIACHO_INLINE void run_step(Lanes* state, const Blocks& blocks) {
    constexpr std::size_t round = step / 16;
    constexpr std::size_t place = step % 16;
    constexpr std::size_t word = round == 0   ? place
                                 : round == 1 ? (5 * place + 1) % 16
                                 : round == 2 ? (3 * place + 5) % 16
                                              : 7 * place % 16;
    constexpr unsigned shift = shifts[round][step % 4];
    Lanes& a = state[(64 - step) % 4];
    const Lanes& b = state[(65 - step) % 4];
    const Lanes& c = state[(66 - step) % 4];
    const Lanes& d = state[(67 - step) % 4];
    Lanes mixed = d ^ (b & (c ^ d));
    if constexpr (round == 1) mixed = c ^ (d & (b ^ c));
    if constexpr (round == 2) mixed = b ^ c ^ d;
    if constexpr (round == 3) mixed = c ^ (b | ~d);
    Lanes input;
    std::memcpy(&input, blocks.words[word], sizeof input);
    const Lanes sum = a + mixed + input + constants[step];
    a = b + ((sum << shift) | (sum >> (32 - shift)));
}

template <std::size_t... steps>
RIACHO_INLINE void run_steps(Lanes* state, const Blocks& blocks, std::index_sequence<steps...>) {
    (run_step<steps>(state, blocks), ...);
}

RIACHO_INLINE void digest_blocks(const Blocks& blocks, States& out) {
    Lanes state[4];
    for (std::size_t i = 0; i < 4; ++i) state[i] = Lanes{} + initial[i];
    run_steps(state, blocks, std::make_index_sequence<64>());
    for (std::size_t i = 0; i < 4; ++i) {
        const Lanes word = state[i] + initial[i];
        std::memcpy(out.words[i], &word, sizeof word);
    }
}

using Digest = void (*)(const Blocks&, States&);

// With the instructions that every CPU of the architecture has.
void digest_plain(const Blocks& blocks, States& out) { digest_blocks(blocks, out); }

#if defined(__x86_64__)
__attribute__((target("avx512f"))) void digest_avx512(const Blocks& blocks, States& out) { digest_blocks(blocks, out); }
__attribute__((target("avx2"))) void digest_avx2(const Blocks& blocks, States& out) { digest_blocks(blocks, out); }

Digest best_digest() {
    if (__builtin_cpu_supports("avx512f")) return digest_avx512;
    return __builtin_cpu_supports("avx2") ? digest_avx2 : digest_plain;
}
#else
Digest best_digest() { return digest_plain; }
#endif

// Collects keys of one block and digests them when every lane has one.
class Gatherer {
public:
    Gatherer(Digest digest, std::span<U128> hash_keys) : digest_(digest), hash_keys_(hash_keys) {}

    void add(std::string_view text, std::size_t index) {
        std::array<std::uint32_t, word_count> block{};
        auto* const bytes = reinterpret_cast<unsigned char*>(block.data());
        if (!text.empty()) std::memcpy(bytes, text.data(), text.size());
        bytes[text.size()] = 0x80;
        block[14] = static_cast<std::uint32_t>(text.size() * 8);
        for (std::size_t i = 0; i < word_count; ++i) blocks_.words[i][count_] = block[i];
        indexes_[count_++] = index;
        if (count_ == lane_count) finish();
    }

    // Digests the added texts; lanes without a text hold an earlier one.
    void finish() {
        if (count_ == 0) return;
        digest_(blocks_, states_);
        for (std::size_t lane = 0; lane < count_; ++lane) {
            U128 key = 0;
            for (const auto& word : states_.words) key = key << 32 | __builtin_bswap32(word[lane]);
            hash_keys_[indexes_[lane]] = key;
        }
        count_ = 0;
    }

private:
    Digest digest_;
    std::span<U128> hash_keys_;
    Blocks blocks_{};
    States states_{};
    std::array<std::size_t, lane_count> indexes_{};
    std::size_t count_ = 0;
};

void hash_keys_by(Digest digest, std::span<const std::string_view> partition_keys, std::span<U128> hash_keys) {
    RIACHO_CHECK(partition_keys.size() == hash_keys.size());
    Gatherer gatherer(digest, hash_keys);
    for (std::size_t i = 0; i < partition_keys.size(); ++i) {
        if (partition_keys[i].size() > text_size_max) {
            hash_keys[i] = hash_key_of(partition_keys[i]);
        } else {
            gatherer.add(partition_keys[i], i);
        }
    }
    gatherer.finish();
}

}  // namespace

void hash_keys_of(std::span<const std::string_view> partition_keys, std::span<U128> hash_keys) noexcept {
    static const Digest digest = best_digest();
    hash_keys_by(digest, partition_keys, hash_keys);
}

void plain::hash_keys_of(std::span<const std::string_view> partition_keys, std::span<U128> hash_keys) noexcept {
    hash_keys_by(digest_plain, partition_keys, hash_keys);
}

}  // namespace riacho
