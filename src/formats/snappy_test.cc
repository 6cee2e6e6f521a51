#include "formats/snappy.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <random>
#include <string>

#include "base/digest.h"

namespace riacho::formats {
namespace {

std::size_t take(std::string_view& in, std::size_t bytes) {
    std::size_t value = 0;
    for (std::size_t i = 0; i < bytes; ++i) value |= std::size_t{static_cast<unsigned char>(in[i])} << (8 * i);
    in.remove_prefix(bytes);
    return value;
}

// A reader by the format's description, as strict as it is slow.
std::optional<std::string> read_block(std::string_view in) {
    std::size_t size = 0;
    for (int shift = 0;; shift += 7) {
        if (in.empty()) return std::nullopt;
        const std::size_t byte = take(in, 1);
        size |= (byte & 0x7F) << shift;
        if (byte < 0x80) break;
    }
    std::string out;
    while (!in.empty()) {
        const std::size_t tag = take(in, 1);
        std::size_t n = (tag >> 2) + 1;
        if ((tag & 3) == 0) {
            if (n > 60) n = take(in, n - 60) + 1;
            if (n > in.size()) return std::nullopt;
            out += in.substr(0, n);
            in.remove_prefix(n);
            continue;
        }
        std::size_t offset = 0;
        if ((tag & 3) == 1) {
            n = (tag >> 2 & 7) + 4;
            offset = (tag >> 5) << 8 | take(in, 1);
        } else if ((tag & 3) == 2) {
            offset = take(in, 2);
        } else {
            return std::nullopt;
        }
        if (offset == 0 || offset > out.size()) return std::nullopt;
        for (std::size_t i = 0; i < n; ++i) out += out[out.size() - offset];
    }
    return out.size() == size ? std::optional(out) : std::nullopt;
}

std::string compress(SnappyFraming framing, std::string_view data, std::size_t piece = SIZE_MAX) {
    SnappyCompressor compressor(framing);
    Buffer out;
    for (std::size_t at = 0; at < data.size(); at += std::min(piece, data.size() - at)) {
        compressor.write(data.substr(at, piece), out);
    }
    compressor.finish(out);
    return std::string(out.view());
}

std::size_t take_big(std::string_view& in) {
    std::size_t value = 0;
    for (int i = 0; i < 4; ++i) value = value << 8 | static_cast<unsigned char>(in[static_cast<std::size_t>(i)]);
    in.remove_prefix(4);
    return value;
}

// AWS: spec 10, its vectors of short inputs, which no version of Snappy compresses otherwise.
TEST(Snappy, short_texts_have_the_bytes_of_the_service) {
    EXPECT_EQ(to_hex(compress(SnappyFraming::java, "abc")), "82534e41505059000000000100000001000000050308616263");
    EXPECT_EQ(to_hex(compress(SnappyFraming::hadoop, "abc")), "00000003000000050308616263");
    EXPECT_EQ(to_hex(compress(SnappyFraming::hadoop, "abcabcabc")), "000000090000000b0920616263616263616263");
}

TEST(Snappy, blocks_come_back_as_they_went) {
    std::mt19937 random(7);
    for (int round = 0; round < 2'000; ++round) {
        const std::size_t size = random() % 40'000;
        const std::uint32_t letters = 1 + random() % (round % 2 == 0 ? 3 : 250);
        std::string data;
        while (data.size() < size) {
            if (random() % 3 == 0 && !data.empty()) {
                const std::size_t from = random() % data.size();
                data += data.substr(from, random() % 300);
            } else {
                data += static_cast<char>(random() % letters);
            }
        }
        Buffer out;
        append_snappy_block(out, data);
        ASSERT_EQ(read_block(out.view()), data) << round;
        ASSERT_LE(out.size(), 32 + data.size() + data.size() / 6);
    }
}

TEST(Snappy, what_repeats_itself_becomes_small) {
    Buffer out;
    append_snappy_block(out, std::string(32'768, 'x'));
    EXPECT_LT(out.size(), 2'000U);
}

// AWS: spec item 44: 200 KB make seven blocks of 32 KiB.
TEST(Snappy, files_are_cut_into_blocks_however_they_were_written) {
    std::string data;
    for (int i = 0; data.size() < 200'000; ++i) data += "line " + std::to_string(i * 7919 % 1000) + '\n';
    for (const SnappyFraming framing : {SnappyFraming::java, SnappyFraming::hadoop}) {
        const std::string file = compress(framing, data);
        EXPECT_EQ(compress(framing, data, 1'000), file);
        std::string_view left = file;
        if (framing == SnappyFraming::java) left.remove_prefix(16);
        std::string read;
        int blocks = 0;
        for (; !left.empty(); ++blocks) {
            const std::size_t size = framing == SnappyFraming::hadoop ? take_big(left) : 0;
            const std::size_t compressed = take_big(left);
            ASSERT_LE(compressed, left.size());
            const auto block = read_block(left.substr(0, compressed));
            ASSERT_TRUE(block);
            if (framing == SnappyFraming::hadoop) EXPECT_EQ(size, block->size());
            read += *block;
            left.remove_prefix(compressed);
        }
        EXPECT_EQ(blocks, 7);
        EXPECT_EQ(read, data);
    }
}

}  // namespace
}  // namespace riacho::formats
