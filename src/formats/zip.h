// A ZIP archive of one deflated entry, made piece by piece, as Java's ZipOutputStream makes one: sizes follow the data
// (firehose spec 10).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/buffer.h"
#include "formats/gzip.h"

namespace riacho::formats {

// At most 4 GiB. Costs what GzipCompressor does. Not thread-safe.
class ZipCompressor {
public:
    ZipCompressor(GzipEffort effort, std::string entry_name) : gzip_(effort), name_(std::move(entry_name)) {}

    void write(std::string_view data, Buffer& out);
    // Appends the rest. The compressor must not be used afterwards.
    void finish(Buffer& out);

private:
    void begin(Buffer& out);
    void drain(Buffer& out);

    GzipCompressor gzip_;  // its deflated data, without header and trailer, are the entry's
    const std::string name_;
    Buffer held_;                   // what came out of it: at least the trailer, once it is there
    std::size_t header_left_ = 10;  // of gzip's header, to be left out
    std::uint32_t compressed_size_ = 0;
    bool has_begun_ = false;
};

}  // namespace riacho::formats
