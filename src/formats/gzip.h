// Gzip (RFC 1952) as a stream: one member, made piece by piece.
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

// Takes 0.4 MiB from the first write on, until it is destroyed. Not thread-safe. Compressing takes long: about 2.5 ms
// for 1 MiB when fast, 25 ms when small.
class GzipCompressor {
public:
    explicit GzipCompressor(GzipEffort effort);
    ~GzipCompressor();
    GzipCompressor(GzipCompressor&&) noexcept;
    GzipCompressor& operator=(GzipCompressor&&) noexcept;

    // Compresses data and appends what is ready to `out`, which may be nothing yet.
    void write(std::string_view data, Buffer& out);
    // Appends the rest. The compressor must not be used afterwards.
    void finish(Buffer& out);

    // What compresses: "isa-l", "zlib".
    static std::string_view engine(GzipEffort effort);

    class Engine;

private:
    std::unique_ptr<Engine> engine_;
};

}  // namespace riacho::formats
