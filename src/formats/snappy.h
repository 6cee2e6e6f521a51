// Snappy in the two framings that Firehose writes (firehose spec 10): the streams of snappy-java, and Hadoop's blocks.
// Neither is the official framing of Snappy.
//
//   java     82 53 4E 41 50 50 59 00 | 1 as 32 bits | 1 as 32 bits | (size of the block | block)*
//   hadoop   (uncompressed size | size of the block | block)*
//
// Sizes are 32 bits, most significant byte first; a block holds 32 KiB, the last one less.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/buffer.h"

namespace riacho::formats {

enum class SnappyFraming : std::uint8_t { java, hadoop };

// Not thread-safe.
class SnappyCompressor {
public:
    explicit SnappyCompressor(SnappyFraming framing) : framing_(framing) {}

    // Compresses data and appends the output that is ready to `out`.
    void write(std::string_view data, Buffer& out);
    // Appends the rest. The compressor must not be used afterwards.
    void finish(Buffer& out);

private:
    void write_block(std::string_view block, Buffer& out);

    const SnappyFraming framing_;
    bool has_begun_ = false;
    Buffer block_;  // input that is not compressed yet, less than a block
};

// One block without framing, of at most 64 KiB: its size as a varint, literals and copies.
void append_snappy_block(Buffer& out, std::string_view data);

}  // namespace riacho::formats
