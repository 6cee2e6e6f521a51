#include "formats/gzip.h"

#include <zlib.h>

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace riacho::formats {
namespace {

// The content of exactly one member; anything behind it, or a member that ends early, gives "(broken)".
std::string decompressed(std::string_view data) {
    z_stream stream{};
    EXPECT_EQ(inflateInit2(&stream, 15 + 16), Z_OK);
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(data.data()));
    stream.avail_in = static_cast<uInt>(data.size());
    std::string out;
    int result = Z_OK;
    while (result == Z_OK) {
        char piece[16384];
        stream.next_out = reinterpret_cast<Bytef*>(piece);
        stream.avail_out = sizeof(piece);
        result = inflate(&stream, Z_NO_FLUSH);
        out.append(piece, sizeof(piece) - stream.avail_out);
    }
    const bool whole = result == Z_STREAM_END && stream.avail_in == 0;
    inflateEnd(&stream);
    return whole ? out : "(broken)";
}

std::string noise(std::size_t size) {
    std::string text(size, '\0');
    std::uint32_t state = 1;
    for (char& c : text) c = static_cast<char>((state = state * 1'664'525 + 1'013'904'223) >> 24);
    return text;
}

TEST(GzipCompressor, makes_one_member_of_any_input_in_any_pieces) {
    std::string lines;
    for (int i = 0; i < 40'000; ++i) lines += R"({"seq":)" + std::to_string(i * 7'919) + ",\"name\":\"sensor\"}\n";
    const std::vector<std::string> inputs{"", "a", lines, noise(3 << 20), std::string(5 << 20, 'x')};
    for (const GzipEffort effort : {GzipEffort::fast, GzipEffort::small}) {
        for (const std::string& text : inputs) {
            for (const std::size_t piece : {std::size_t{997}, std::size_t{1} << 20, std::size_t{8} << 20}) {
                GzipCompressor compressor(effort);
                Buffer out;
                for (std::size_t at = 0; at < text.size(); at += piece) {
                    compressor.write(std::string_view(text).substr(at, piece), out);
                }
                compressor.finish(out);
                EXPECT_TRUE(out.view().starts_with("\x1f\x8b\x08"));
                if (&text == &inputs[2]) EXPECT_LT(out.size(), text.size() / 4);
                EXPECT_TRUE(decompressed(out.view()) == text) << text.size() << " in pieces of " << piece;
            }
        }
    }
}

}  // namespace
}  // namespace riacho::formats
