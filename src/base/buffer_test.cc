#include "base/buffer.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>

namespace riacho {
namespace {

TEST(Buffer, grows_and_keeps_what_it_holds) {
    Buffer buffer;
    std::string expected;
    for (int i = 0; i < 10'000; ++i) {
        buffer.append(std::to_string(i));
        expected += std::to_string(i);
    }
    EXPECT_EQ(buffer.view(), expected);
    buffer.truncate(3);
    buffer.push_back('x');
    EXPECT_EQ(buffer.view(), "012x");
}

TEST(Buffer, moves) {
    Buffer a(std::string_view("one"));
    Buffer b(std::move(a));
    Buffer c;
    c = std::move(b);
    EXPECT_EQ(c.view(), "one");
}

// A thread keeps one large block between uses; its old content must never show.
TEST(Buffer, uses_a_large_block_again_without_showing_its_content) {
    constexpr std::size_t size = 4 << 20;
    const char* block = nullptr;
    {
        Buffer first(size);
        block = first.data();
        first.append("secret");
    }
    Buffer small(std::string_view("kept"));
    small.reserve(size);
    EXPECT_EQ(small.data(), block);
    EXPECT_EQ(small.view(), "kept");
    Buffer second(size);
    EXPECT_NE(second.data(), small.data());
    EXPECT_TRUE(second.empty());
}

// The caller that reserves memory accounts for the size it asked for.
TEST(Buffer, a_kept_block_that_is_much_larger_is_not_used_for_what_is_asked_for) {
    constexpr std::size_t size = 2 << 20;
    {
        Buffer large(std::size_t{16} << 20);
    }
    const Buffer small(size);
    EXPECT_EQ(small.capacity(), size);
    // Growing keeps the whole block: replies are accounted for by their sizes.
    Buffer growing(std::size_t{1} << 20);
    {
        Buffer large(std::size_t{16} << 20);
    }
    growing.extend(size);
    EXPECT_EQ(growing.capacity(), std::size_t{16} << 20);
}

}  // namespace
}  // namespace riacho
