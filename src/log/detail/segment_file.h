// Segment files: a cache of open files, and a scanner of frames.
#pragma once

#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <string>

#include "base/mutex.h"
#include "io/file_system.h"
#include "log/detail/shard.h"

namespace riacho::log::detail {

// Keeps the most recently used files open. Thread-safe.
class FileCache {
public:
    FileCache(io::FileSystem& fs, std::size_t open_max) : fs_(fs), open_max_(open_max) {}
    io::IoResult<std::shared_ptr<io::File>> open(const std::string& path, io::OpenMode mode);
    void forget(const std::string& path);
    void forget_all();

private:
    struct Entry {
        std::string path;
        std::shared_ptr<io::File> file;
        bool writable;
    };
    io::FileSystem& fs_;
    const std::size_t open_max_;
    Mutex mutex_;
    std::list<Entry> recent_ GUARDED_BY(mutex_);  // newest first
    std::map<std::string, std::list<Entry>::iterator> by_path_ GUARDED_BY(mutex_);
};

// The frame that a segment reference stands for.
struct ReferencedFrame {
    FramePtr frame;            // null: damaged or missing
    bool is_in_place = false;  // the file reaches at least to the end of the place
};
// reference_header: the header of the reference. path: of its segment. An error if the disk could not be read, which is
// no proof of damage.
io::IoResult<ReferencedFrame> read_referenced(io::FileSystem& fs, const std::string& path,
                                              const FrameHeader& reference_header, const SegmentReference& reference);

// Walks the frames of one segment with large reads.
class SegmentScanner {
public:
    enum class Step : std::uint8_t { frame, end, damaged, unreadable };
    SegmentScanner(io::File& file, ShardUid shard, std::uint64_t from, std::uint64_t end)
        : file_(file), shard_(shard), position_(from), next_position_(from), end_(end) {}

    // Goes to the next data frame and reads its header.
    Step advance();
    [[nodiscard]] const FrameHeader& header() const { return header_; }
    [[nodiscard]] std::uint64_t position() const { return position_; }
    // The whole current frame with all checksums verified; null if a checksum is wrong or the frame cannot be read.
    FramePtr load();

private:
    // Makes the buffer hold `size` bytes from position_; false at the end of the file.
    io::IoResult<bool> fill(std::size_t size);
    Step advance_any();

    io::File& file_;
    ShardUid shard_;
    std::uint64_t position_;       // of the current frame
    std::uint64_t next_position_;  // position of the next frame
    std::uint64_t end_;
    FrameHeader header_;
    Bytes buffer_;
    std::uint64_t buffer_at_ = 0;
};

}  // namespace riacho::log::detail
