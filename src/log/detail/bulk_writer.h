// BulkWriter: writes that bypass the page cache when they are large. Going through it costs finding, filling and
// writing back a page for every 4 KiB, and evicts other cached pages.
#pragma once

#include <span>
#include <string>

#include "io/file_system.h"
#include "log/detail/staging.h"

namespace riacho::log::detail {

// Not thread-safe.
class BulkWriter {
public:
    // Writes of fewer than direct_bytes_min bytes stay in the page cache.
    BulkWriter(io::FileSystem& fs, std::size_t direct_bytes_min) : fs_(fs), direct_bytes_min_(direct_bytes_min) {}

    // Writes all parts, one after the other, at any offset of the file at `path`, which `file` has open for buffered
    // writing. Durable after file.fdatasync(), like any other write. After an error any part of the bytes may be on
    // disk.
    io::IoResult<void> write(io::File& file, const std::string& path, std::uint64_t offset,
                             std::span<const ByteSpan> parts);

private:
    io::FileSystem& fs_;
    const std::size_t direct_bytes_min_;
    bool is_supported_ = true;  // false once the file system has refused direct writes
    Staging staging_;
};

}  // namespace riacho::log::detail
