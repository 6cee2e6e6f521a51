#include "base/plain_paths.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "base/base64.h"
#include "base/base64_vectors.h"
#include "base/crc32.h"
#include "base/crc32c.h"
#include "base/hash_key.h"
#include "base/hash_keys.h"

namespace riacho {
namespace {

// Lengths around every size of a vector and of a lane, and some beyond.
std::vector<std::size_t> lengths() {
    std::vector<std::size_t> sizes;
    for (std::size_t size = 0; size <= 300; ++size) sizes.push_back(size);
    for (const std::size_t size : {511UL, 512UL, 513UL, 1007UL, 1008UL, 1009UL, 4079UL, 4080UL, 4081UL, 10'000UL}) {
        sizes.push_back(size);
    }
    return sizes;
}

std::string noise(std::mt19937& rng, std::size_t size) {
    std::string data(size, '\0');
    for (char& c : data) c = static_cast<char>(rng());
    return data;
}

// A copy that begins `shift` bytes behind an aligned address.
struct Shifted {
    Shifted(std::string_view data, std::size_t shift) : bytes(shift, '\0'), start(shift) { bytes += data; }
    std::string_view view() const { return std::string_view(bytes).substr(start); }
    std::string bytes;
    std::size_t start;
};

TEST(PlainPaths, checksums_are_those_of_the_vectors) {
    std::mt19937 rng(11);
    for (const std::size_t size : lengths()) {
        const Shifted data(noise(rng, size), rng() % 17);
        const auto seed = static_cast<std::uint32_t>(rng());
        ASSERT_EQ(plain::crc32(data.view(), seed), crc32(data.view(), seed)) << size;
        ASSERT_EQ(plain::crc32c(as_bytes(data.view()), seed), crc32c(as_bytes(data.view()), seed)) << size;
    }
}

TEST(PlainPaths, base64_is_that_of_the_vectors) {
    std::mt19937 rng(12);
    for (const std::size_t size : lengths()) {
        const Shifted data(noise(rng, size), rng() % 17);
        std::string text(base64_encoded_size(size), '\0');
        plain::encode_base64(data.view(), text.data());
        ASSERT_EQ(text, encode_base64(data.view())) << size;

        std::string decoded(size + 64, '#');
        plain::decode_base64(text, decoded.data());
        ASSERT_EQ(std::string_view(decoded).substr(0, size), data.view()) << size;
        ASSERT_EQ(decoded.substr(size), std::string(64, '#')) << size;
        ASSERT_EQ(decode_base64(text), data.view()) << size;
        ASSERT_EQ(plain::base64_prefix(text), text.size() - static_cast<std::size_t>(std::ranges::count(text, '=')));
    }
}

TEST(PlainPaths, vectors_of_base64_go_as_far_as_whole_steps_are_in_the_alphabet) {
    if (!base64_vectors::are_available()) GTEST_SKIP() << "this CPU has no vectors for base64";
    std::mt19937 rng(13);
    for (int round = 0; round < 20'000; ++round) {
        std::string text = encode_base64(noise(rng, rng() % 200));
        if (!text.empty() && rng() % 4 != 0) text[rng() % text.size()] = static_cast<char>(rng());
        ASSERT_EQ(base64_vectors::valid_prefix(text), plain::base64_prefix(text) / 32 * 32) << text;
    }
}

TEST(PlainPaths, hash_keys_are_those_of_the_vectors) {
    std::mt19937 rng(14);
    for (std::size_t count = 0; count <= 70; ++count) {
        std::vector<std::string> keys;
        for (std::size_t i = 0; i < count; ++i) keys.push_back(noise(rng, rng() % 60));
        const std::vector<std::string_view> views(keys.begin(), keys.end());
        std::vector<U128> by_vectors(count);
        std::vector<U128> by_plain(count);
        hash_keys_of(views, by_vectors);
        plain::hash_keys_of(views, by_plain);
        ASSERT_EQ(by_plain, by_vectors) << count;
        for (std::size_t i = 0; i < count; ++i) ASSERT_EQ(by_plain[i], hash_key_of(keys[i])) << keys[i];
    }
}

}  // namespace
}  // namespace riacho
