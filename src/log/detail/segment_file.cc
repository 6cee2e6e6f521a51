#include "log/detail/segment_file.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "base/try.h"

namespace riacho::log::detail {
namespace {

constexpr std::size_t scan_size = 256 << 10;

}  // namespace

io::IoResult<std::shared_ptr<io::File>> FileCache::open(const std::string& path, io::OpenMode mode) {
    const bool writable = mode != io::OpenMode::read;
    {
        const MutexLock lock(mutex_);
        const auto at = by_path_.find(path);
        if (at != by_path_.end() && (at->second->writable || !writable)) {
            recent_.splice(recent_.begin(), recent_, at->second);
            return at->second->file;
        }
    }
    TRY(std::shared_ptr<io::File> file, fs_.open(path, {.mode = mode}));
    forget(path);
    const MutexLock lock(mutex_);
    if (const auto at = by_path_.find(path); at != by_path_.end()) return file;
    recent_.push_front({path, file, writable});
    by_path_[path] = recent_.begin();
    if (recent_.size() > open_max_) {
        by_path_.erase(recent_.back().path);
        recent_.pop_back();
    }
    return file;
}

void FileCache::forget(const std::string& path) {
    const MutexLock lock(mutex_);
    const auto at = by_path_.find(path);
    if (at == by_path_.end()) return;
    recent_.erase(at->second);
    by_path_.erase(at);
}

void FileCache::forget_all() {
    const MutexLock lock(mutex_);
    by_path_.clear();
    recent_.clear();
}

io::IoResult<ReferencedFrame> read_referenced(io::FileSystem& fs, const std::string& path,
                                              const FrameHeader& reference_header, const SegmentReference& reference) {
    ReferencedFrame found;
    const auto file = fs.open(path, {.mode = io::OpenMode::read});
    if (!file) {
        if (!file.error().is_not_found()) return fail(file.error());
        return found;
    }
    TRY(const std::uint64_t size, (*file)->size());
    found.is_in_place = size >= reference.end();
    if (!found.is_in_place) return found;
    std::array<std::byte, frame_header_size> head;
    TRY(const std::size_t got_head, (*file)->pread(reference.offset, head));
    if (got_head != head.size()) return found;
    const auto header = decode_header(head);
    if (!header || header->header_crc != reference.header_crc || header->size_on_disk() > reference.size) return found;
    if (header->kind != FrameKind::data || header->shard != reference_header.shard ||
        header->base_seq != reference_header.base_seq || header->record_count != reference_header.record_count) {
        return found;
    }
    auto memory = Frame::allocate(header->size_on_disk());
    TRY(const std::size_t got, (*file)->pread(reference.offset, {memory.get(), header->size_on_disk()}));
    if (got == header->size_on_disk()) found.frame = Frame::from_disk(*header, std::move(memory));
    return found;
}

io::IoResult<bool> SegmentScanner::fill(std::size_t size) {
    if (position_ >= buffer_at_ && position_ + size <= buffer_at_ + buffer_.size()) return true;
    buffer_.resize(std::max(size, static_cast<std::size_t>(std::min<std::uint64_t>(scan_size, end_ - position_))));
    buffer_at_ = position_;
    TRY(const std::size_t got, file_.pread(position_, buffer_));
    buffer_.resize(got);
    return got >= size;
}

SegmentScanner::Step SegmentScanner::advance() {
    Step step{};
    do step = advance_any();
    while (step == Step::frame && header_.kind == FrameKind::pad);
    return step;
}

SegmentScanner::Step SegmentScanner::advance_any() {
    position_ = next_position_;
    if (position_ == end_) return Step::end;
    if (end_ - position_ < frame_header_size) return Step::damaged;
    const auto filled = fill(frame_header_size);
    if (!filled) return Step::unreadable;
    if (!*filled) return Step::damaged;
    const auto header = decode_header(ByteSpan(buffer_).subspan(position_ - buffer_at_));
    if (!header) return Step::damaged;
    if (header->kind != FrameKind::pad && (header->kind != FrameKind::data || header->shard != shard_.value()))
        return Step::damaged;
    if (header->size_on_disk() > end_ - position_) return Step::damaged;
    header_ = *header;
    next_position_ = position_ + header->size_on_disk();
    return Step::frame;
}

FramePtr SegmentScanner::load() {
    const std::size_t size = header_.size_on_disk();
    auto memory = Frame::allocate(size);
    // Copies the buffered part; the rest of a large frame is read directly into the frame's memory.
    const std::size_t at = position_ - buffer_at_;
    const std::size_t buffered = std::min(size, buffer_.size() - at);
    std::memcpy(memory.get(), buffer_.data() + at, buffered);
    if (buffered < size) {
        const auto got = file_.pread(position_ + buffered, {memory.get() + buffered, size - buffered});
        if (!got || *got != size - buffered) return nullptr;
    }
    return Frame::from_disk(header_, std::move(memory));
}

}  // namespace riacho::log::detail
