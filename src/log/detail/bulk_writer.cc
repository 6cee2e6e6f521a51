#include "log/detail/bulk_writer.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/try.h"
#include "log/detail/format.h"

namespace riacho::log::detail {
namespace {

constexpr std::size_t chunk_size = std::size_t{1} << 20;

// A cursor over the bytes of several parts.
class Pieces {
public:
    explicit Pieces(std::span<const ByteSpan> parts) : parts_(parts) {}

    // Copies the next n bytes; that many must be left.
    void copy(std::size_t n, std::byte* to) {
        while (n > 0) {
            const ByteSpan rest = parts_.front().subspan(skip_);
            const std::size_t here = std::min(n, rest.size());
            std::memcpy(to, rest.data(), here);
            to += here;
            n -= here;
            skip_ += here;
            if (here < rest.size()) continue;
            parts_ = parts_.subspan(1);
            skip_ = 0;
        }
    }

private:
    std::span<const ByteSpan> parts_;
    std::size_t skip_ = 0;  // bytes of the first part already given
};

}  // namespace

io::IoResult<void> BulkWriter::write(io::File& file, const std::string& path, std::uint64_t offset,
                                     std::span<const ByteSpan> parts) {
    std::size_t left = 0;
    for (const ByteSpan part : parts) left += part.size();
    if (!is_supported_ || left < direct_bytes_min_) return file.pwritev(offset, parts);

    auto direct = fs_.open(path, {.mode = io::OpenMode::read_write, .direct = true});
    if (!direct) {
        if (direct.error().is_out_of_descriptors()) return file.pwritev(offset, parts);
        if (direct.error().error != EINVAL) return fail(direct.error());
        is_supported_ = false;
        return file.pwritev(offset, parts);
    }
    // The first and the last block may hold neighbouring bytes: partial blocks always go through the page cache, so
    // that no block is half in the page cache and half on the disk.
    Pieces pieces(parts);
    std::uint64_t at = offset;
    while (left > 0) {
        const bool whole_blocks = at % block_size == 0 && left >= block_size;
        const std::size_t size = whole_blocks ? std::min(left / block_size * block_size, chunk_size)
                                              : std::min<std::size_t>(left, block_size - at % block_size);
        staging_.clear();
        pieces.copy(size, staging_.extend(size));
        auto written = (whole_blocks ? **direct : file).pwrite(at, staging_.bytes());
        if (!written) {
            if (!whole_blocks || written.error().error != EINVAL) return written;
            // The file system supports O_DIRECT, but needs larger blocks or other alignment.
            is_supported_ = false;
            return file.pwritev(offset, parts);
        }
        at += size;
        left -= size;
    }
    return {};
}

}  // namespace riacho::log::detail
