#include "base/hasher.h"

#include <gtest/gtest.h>

#include <string>

namespace riacho {
namespace {

TEST(Sha256Hasher, pieces_make_the_digest_of_the_whole) {
    const std::string text(100'000, 'x');
    for (const std::size_t size : {1UL, 63UL, 64UL, 65UL, 99'999UL, 100'000UL}) {
        Sha256Hasher hasher;
        for (std::size_t at = 0; at < text.size(); at += size) hasher.update(std::string_view(text).substr(at, size));
        EXPECT_EQ(hasher.finish(), sha256(text)) << size;
    }
    EXPECT_EQ(Sha256Hasher().finish(), sha256(""));
}

}  // namespace
}  // namespace riacho
