// The open segment of a shard: frames are appended or adopted, and a full or old segment is sealed.
#include <algorithm>
#include <array>
#include <utility>

#include "base/crc32c.h"
#include "base/try.h"
#include "log/detail/segments.h"

namespace riacho::log::detail {
namespace {

constexpr std::size_t write_size_max = 8 << 20;

std::uint32_t extend_headers_crc(std::uint32_t crc, std::uint32_t header_crc) {
    std::array<std::byte, 4> bytes;
    put_le(bytes.data(), header_crc);
    return crc32c(bytes, crc);
}

}  // namespace

std::size_t SegmentStore::frames_that_fit(const Shard& shard) const {
    const CheckpointShard& state = shard.flushed;
    const bool is_new = state.active_base.value() == 0;
    std::uint64_t end = is_new ? file_header_size : state.active_frames_end;
    const TimestampMs created = is_new ? shard.unflushed.front()->arrival() : state.active_created;
    std::size_t count = 0;
    std::size_t bytes = 0;
    for (const FramePtr& frame : shard.unflushed) {
        const std::size_t size = frame->header().size_on_disk();
        // A segment takes at least one frame, whatever its size.
        if (end > file_header_size && end + size > segment_bytes(shard)) break;
        if (end > file_header_size && frame->arrival().value() - created.value() > limits_.segment_age_ms_max) break;
        if (bytes >= write_size_max) break;
        end += size;
        bytes += size;
        ++count;
    }
    return count;
}

io::IoResult<void> SegmentStore::load_for_writing(Shard& shard) {
    TRY_VOID(load(shard));
    if (std::exchange(shard.files.open_lost, false)) shard.flushed.active_base = SeqIx(0);
    return {};
}

io::IoResult<void> SegmentStore::append(Shard& shard) {
    {
        const MutexLock lock(shard.files.mutex);
        TRY_VOID(load_for_writing(shard));
    }
    while (!shard.unflushed.empty()) {
        const std::size_t count = frames_that_fit(shard);
        if (count == 0) {
            TRY_VOID(seal(shard));
            continue;
        }
        const bool is_new = shard.flushed.active_base.value() == 0;
        const auto frames = std::span(shard.unflushed).first(count);
        TRY_VOID(write_frames(shard, frames, is_new));
        note_written(shard, frames, is_new);
        shard.unflushed.erase(shard.unflushed.begin(), shard.unflushed.begin() + static_cast<std::ptrdiff_t>(count));
    }
    return {};
}

io::IoResult<void> SegmentStore::write_frames(Shard& shard, std::span<const FramePtr> frames, bool is_new) {
    const CheckpointShard& state = shard.flushed;
    const SeqIx base = is_new ? frames.front()->first() : state.active_base;
    const std::string path = path_of(shard, base);
    std::array<std::byte, file_header_size> header;
    std::vector<ByteSpan> parts;
    if (is_new) {
        {
            const MutexLock lock(shard.files.mutex);
            TRY_VOID(delete_unclaimed(shard, base));
        }
        TRY_VOID(make_directories(shard.uid));
        for (std::string& directory : directories_of(shard.uid)) dirty_directories_.insert(std::move(directory));
        encode_segment_header({.store = store_,
                               .shard = shard.uid,
                               .base = base,
                               .base_lsn = frames.front()->lsn(),
                               .created = frames.front()->arrival(),
                               .prev_base = state.last_base,
                               .shard_class = shard.shard_class},
                              header);
        parts.emplace_back(header);
    }
    for (const FramePtr& frame : frames) parts.push_back(frame->bytes());
    TRY(const auto file, files_.open(path, is_new ? io::OpenMode::create : io::OpenMode::read_write));
    note_dirty(path, file);
    return writer_.write(*file, path, is_new ? 0 : state.active_frames_end, parts);
}

void SegmentStore::begin_open(Shard& shard, SeqIx base, TimestampMs created, bool is_direct) {
    CheckpointShard& state = shard.flushed;
    state.active_base = state.last_base = base;
    state.active_frames_end = file_header_size;
    state.active_headers_crc = 0;
    state.active_created = created;
    shard.files.segments.push_back({.base = base, .known = true, .created = created});
    shard.files.open_index = {};
    shard.files.open_index_complete = true;
    shard.files.open_is_direct = is_direct;
}

void SegmentStore::extend_open(Shard& shard, const Extension& frame) {
    CheckpointShard& state = shard.flushed;
    Segment& segment = shard.files.segments.back();
    if (shard.files.open_index_complete) {
        index_frame(shard.files.open_index, segment, frame.first, frame.arrival, frame.position);
    }
    state.active_headers_crc = extend_headers_crc(state.active_headers_crc, frame.header_crc);
    state.active_frames_end = frame.end;
    state.next = frame.next;
    state.last_arrival = frame.arrival;
    segment.next = frame.next;
    segment.max_arrival = frame.arrival;
    segment.frames_end = frame.end;
    shard.files.open_index.frames_end = frame.end;
}

void SegmentStore::note_written(Shard& shard, std::span<const FramePtr> frames, bool is_new) {
    const MutexLock lock(shard.files.mutex);
    if (is_new) begin_open(shard, frames.front()->first(), frames.front()->arrival(), false);
    for (const FramePtr& frame : frames) {
        const std::uint64_t position = shard.flushed.active_frames_end;
        const std::size_t size = frame->header().size_on_disk();
        extend_open(shard, {.first = frame->first(),
                            .next = frame->next(),
                            .arrival = frame->arrival(),
                            .header_crc = frame->header().header_crc,
                            .position = position,
                            .end = position + size});
        note_bytes(size);
    }
}

io::IoResult<bool> SegmentStore::adopt(Shard& shard, SeqIx first, SeqIx next, std::optional<TimestampMs> arrival,
                                       const SegmentReference& reference) {
    const CheckpointShard& state = shard.flushed;
    const MutexLock lock(shard.files.mutex);
    TRY_VOID(load_for_writing(shard));
    const bool is_open = state.active_base == reference.segment;
    if (is_open ? reference.offset < state.active_frames_end : reference.segment <= state.last_base) return false;
    const TimestampMs time = std::max(arrival.value_or(state.last_arrival), state.last_arrival);
    if (!is_open) {
        TRY_VOID(seal_open(shard));
        TRY_VOID(delete_unclaimed(shard, SeqIx(reference.segment.value() - 1)));
        if (shard.files.young != nullptr) std::erase(shard.files.young->unclaimed, reference.segment);
        begin_open(shard, reference.segment, time, true);
        // Index entries have times relative to the segment's creation, which was that of a lost first frame.
        shard.files.open_index_complete = arrival.has_value() && reference.offset == file_header_size;
    }
    extend_open(shard, {.first = first,
                        .next = next,
                        .arrival = time,
                        .header_crc = reference.header_crc,
                        .position = reference.offset,
                        .end = reference.end()});
    return true;
}

io::IoResult<void> SegmentStore::seal(Shard& shard) {
    const MutexLock lock(shard.files.mutex);
    TRY_VOID(load_for_writing(shard));
    return seal_open(shard);
}

io::IoResult<void> SegmentStore::seal_before_gap(Shard& shard) {
    const MutexLock lock(shard.files.mutex);
    TRY_VOID(load_for_writing(shard));
    if (shard.files.open_is_direct) return {};
    return seal_open(shard);
}

io::IoResult<void> SegmentStore::seal_open(Shard& shard) {
    CheckpointShard& state = shard.flushed;
    if (state.active_base.value() == 0) return {};
    const SeqIx base = state.active_base;
    const std::string path = path_of(shard, base);
    TRY(const auto file, files_.open(path, io::OpenMode::read_write));
    std::array<std::byte, segment_footer_size> footer;
    encode_segment_footer({.next = state.next,
                           .max_arrival = state.last_arrival,
                           .frames_end = state.active_frames_end,
                           .record_count = state.next.value() - base.value(),
                           .headers_crc = state.active_headers_crc},
                          footer);
    note_dirty(path, file);
    TRY_VOID(file->pwrite(state.active_frames_end, footer));
    // A failed write may have left bytes behind; the footer has to be the last thing in the file.
    TRY(const std::uint64_t size, file->size());
    const std::uint64_t end = state.active_frames_end + segment_footer_size;
    if (size != end) TRY_VOID(file->ftruncate(end));
    Segment& segment = shard.files.segments.back();
    segment.sealed = true;
    if (shard.files.open_index_complete) write_index(shard, base, shard.files.open_index);
    shard.files.open_index = {};
    shard.files.open_index_complete = true;
    state.active_base = SeqIx(0);
    return {};
}

}  // namespace riacho::log::detail
