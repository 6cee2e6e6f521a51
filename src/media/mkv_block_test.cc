#include "media/mkv_block.h"

#include <gtest/gtest.h>

#include <string>

#include "media/mkv_samples.h"

namespace riacho::media {
namespace {

using namespace samples;

std::vector<std::string> frames_of(const std::string& payload) {
    BlockStart start;
    EXPECT_EQ(read_block_start(as_bytes(payload), payload.size(), start), BlockState::ok);
    const auto frames = split_laces(as_bytes(payload), start);
    std::vector<std::string> texts;
    if (!frames) return {"bad"};
    for (const ByteSpan frame : *frames) texts.emplace_back(as_text(frame));
    return texts;
}

std::string with_flags(char flags, const std::string& rest) { return std::string("\x82\xFF\xF6", 3) + flags + rest; }

TEST(MkvBlock, reads_track_time_and_flags) {
    BlockStart start;
    const std::string payload = std::string("\x40\x07\xFF\xF6\x80", 5) + "frame";
    ASSERT_EQ(read_block_start(as_bytes(payload), payload.size(), start), BlockState::ok);
    EXPECT_EQ(start.track, 7U);
    EXPECT_EQ(start.relative, -10);
    EXPECT_EQ(start.head_size, 5);
    for (std::size_t size = 0; size < 5; ++size) {
        EXPECT_EQ(read_block_start(as_bytes(payload).first(size), payload.size(), start), BlockState::short_of_bytes);
        EXPECT_EQ(read_block_start(as_bytes(payload).first(size), size, start), BlockState::bad);
    }
}

TEST(MkvBlock, takes_laces_of_all_kinds_apart) {
    EXPECT_EQ(frames_of(with_flags('\x00', "abc")), std::vector<std::string>{"abc"});
    const std::vector<std::string> three{"a", "bbb", "cc"};
    EXPECT_EQ(frames_of(with_flags('\x02', std::string("\x02\x01\x03", 3) + "abbbcc")), three);
    EXPECT_EQ(frames_of(with_flags('\x04', std::string("\x02", 1) + "aabbcc")),
              (std::vector<std::string>{"aa", "bb", "cc"}));
    // EBML: the first size, then differences around 63.
    EXPECT_EQ(frames_of(with_flags('\x06', std::string("\x02\x81\xC1", 3) + "abbbcc")), three);
    const std::string longer(300, 'x');
    EXPECT_EQ(frames_of(with_flags('\x02', std::string("\x01\xFF\x2D", 3) + longer + "y")),
              (std::vector<std::string>{longer, "y"}));
}

TEST(MkvBlock, laces_that_do_not_add_up_are_refused) {
    for (const std::string& payload :
         {with_flags('\x02', std::string("\x02\x01", 2)), with_flags('\x02', std::string("\x01\x05", 2) + "abc"),
          with_flags('\x02', std::string("\x01\xFF", 2)), with_flags('\x04', std::string("\x01", 1) + "abc"),
          with_flags('\x06', std::string("\x02\x85\xC1", 3) + "ab"),
          with_flags('\x06', std::string("\x02\x81\x80", 3) + "ab"), with_flags('\x06', std::string("\x02\x00", 2)),
          with_flags('\x06', std::string("\x01", 1))}) {
        EXPECT_EQ(frames_of(payload), std::vector<std::string>{"bad"});
    }
}

TEST(BlockWalker, goes_through_a_cluster) {
    const std::string group =
        element(mkv::block_group, element(mkv::block, std::string("\x82\0\x05\0", 4) + "g") +
                                      number(mkv::block_duration, 21) + element(mkv::reference_block, "x"));
    const std::string bytes =
        element(mkv::cluster, number(mkv::timecode, 500) + element(mkv::void_element, "1") +
                                  element(mkv::simple_block, std::string("\x81\0\0\x80", 4) + "s") + group);
    BlockWalker walker(as_bytes(bytes));
    const auto simple = walker.next();
    ASSERT_TRUE(simple);
    EXPECT_EQ(walker.timecode(), 500U);
    EXPECT_TRUE(simple->key);
    EXPECT_EQ(as_text(simple->payload.subspan(simple->start.head_size)), "s");
    const auto grouped = walker.next();
    ASSERT_TRUE(grouped);
    EXPECT_FALSE(grouped->key);
    EXPECT_EQ(grouped->duration, 21U);
    EXPECT_EQ(grouped->start.track, 2U);
    EXPECT_FALSE(walker.next());
    EXPECT_TRUE(walker.ok());
}

TEST(BlockWalker, ends_where_a_cluster_is_damaged) {
    const std::string whole = cluster(1);
    for (const std::size_t size : {whole.size() - 1, std::size_t{20}, std::size_t{3}, std::size_t{0}}) {
        BlockWalker walker(as_bytes(whole).first(size));
        while (walker.next()) {
        }
        EXPECT_FALSE(walker.ok()) << size;
    }
}

}  // namespace
}  // namespace riacho::media
