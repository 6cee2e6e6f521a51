// Compresses the same bytes again and again on one thread, and does nothing else: gzip_bench FILE SECONDS. Prints
// "ENGINE MB_PER_SECOND RATIO".
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>

#include "base/buffer.h"
#include "formats/gzip.h"

int main(int argc, char** argv) {
    using Clock = std::chrono::steady_clock;
    if (argc != 3) {
        std::fputs("usage: gzip_bench FILE SECONDS\n", stderr);
        return 64;
    }
    std::ifstream file(argv[1], std::ios::binary);
    const std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
    if (text.empty()) return 74;
    const double seconds = std::atof(argv[2]);
    constexpr auto effort = riacho::formats::GzipEffort::fast;
    std::size_t in = 0;
    std::size_t out = 0;
    const auto began = Clock::now();
    double elapsed = 0;
    while (elapsed < seconds) {
        riacho::formats::GzipCompressor compressor(effort);
        riacho::Buffer piece;
        constexpr std::size_t slice = std::size_t{1} << 20;
        for (std::size_t at = 0; at < text.size(); at += slice) {
            compressor.write(std::string_view(text).substr(at, slice), piece);
            out += piece.size();
            piece.clear();
        }
        compressor.finish(piece);
        out += piece.size();
        in += text.size();
        elapsed = std::chrono::duration<double>(Clock::now() - began).count();
    }
    std::printf("%s %.1f %.2f\n", std::string(riacho::formats::GzipCompressor::engine(effort)).c_str(),
                static_cast<double>(in) / elapsed / 1e6, static_cast<double>(in) / static_cast<double>(out));
    return 0;
}
