// A ZIP archive of one deflated entry, compressed piece by piece, like those of Java's ZipOutputStream: sizes follow
// the data (firehose spec 10).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/buffer.h"
#include "formats/gzip.h"

namespace riacho::formats {

// At most 4 GiB. Costs as much as GzipCompressor. Not thread-safe.
class ZipCompressor {
public:
    ZipCompressor(GzipEffort effort, std::string entry_name) : gzip_(effort), name_(std::move(entry_name)) {}

    void write(std::string_view data, Buffer& out);
    // Appends the rest. The compressor must not be used afterwards.
    void finish(Buffer& out);

private:
    void begin(Buffer& out);
    void drain(Buffer& out);

    GzipCompressor gzip_;  // without its header and trailer, its output is the entry's data
    const std::string name_;
    Buffer held_;                   // output of gzip_ that is not passed on yet: at least the trailer, once it is there
    std::size_t header_left_ = 10;  // bytes of gzip's header that are still to be left out
    std::uint32_t compressed_size_ = 0;
    bool has_begun_ = false;
};

}  // namespace riacho::formats
