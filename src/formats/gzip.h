// Gzip (RFC 1952) as a stream: one member, compressed piece by piece.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "base/buffer.h"

namespace riacho::formats {

enum class GzipEffort : std::uint8_t {
    fast,  // ISA-L where the build has it (amd64, arm64), else zlib's level 1
    small  // zlib's level 6: a tenth of the speed for files that are a fifth smaller
};

// Uses 0.4 MiB of memory from the first write on until it is destroyed. Not thread-safe. Compressing takes long: about
// 2.5 ms for 1 MiB when fast, 25 ms when small.
class GzipCompressor {
public:
    explicit GzipCompressor(GzipEffort effort);
    ~GzipCompressor();
    GzipCompressor(GzipCompressor&&) noexcept;
    GzipCompressor& operator=(GzipCompressor&&) noexcept;

    // Compresses data and appends the output that is ready to `out`; that may be none.
    void write(std::string_view data, Buffer& out);
    // Appends the rest. The compressor must not be used afterwards.
    void finish(Buffer& out);

    // The library that compresses: "isa-l", "zlib".
    static std::string_view engine(GzipEffort effort);

    class Engine;

private:
    std::unique_ptr<Engine> engine_;
};

}  // namespace riacho::formats
