#include "log/detail/segments.h"

#include <algorithm>
#include <utility>

#include "base/try.h"
#include "core/log.h"

namespace riacho::log::detail {
namespace {

constexpr std::size_t dirty_files_max = 64;

void report_damage(const std::string& path, std::uint64_t offset, std::string_view what) {
    core::log_line(core::LogLevel::error, "segment damaged", {{"path", path}, {"offset", offset}, {"problem", what}});
}

ReadFailure unreadable(const io::IoError& error, SeqIx at) {
    const LogError kind = error.is_out_of_descriptors() ? LogError::overloaded : LogError::corrupt;
    return {.error = kind, .at = at, .path = error.path, .offset = 0, .problem = error.describe()};
}

YoungFiles& young_files(Shard& shard) REQUIRES(shard.files.mutex) {
    if (shard.files.young == nullptr) shard.files.young = std::make_unique<YoungFiles>();
    return *shard.files.young;
}

}  // namespace

std::uint32_t arrival_offset(TimestampMs created, TimestampMs arrival) {
    const std::int64_t offset = arrival.value() - created.value();
    return offset < 0 ? 0 : static_cast<std::uint32_t>(std::min<std::int64_t>(offset, index_arrival_max));
}

void index_frame(SegmentIndex& index, const Segment& segment, SeqIx first, TimestampMs arrival,
                 std::uint64_t position) {
    if (!index.entries.empty() && position - index.entries.back().position < index_interval) return;
    const std::uint64_t seq_offset = first.value() - segment.base.value();
    if (seq_offset > UINT32_MAX) return;
    index.entries.push_back({.seq_offset = static_cast<std::uint32_t>(seq_offset),
                             .arrival_offset = arrival_offset(segment.created, arrival),
                             .position = position});
}

void SegmentStore::claim(Shard& shard, SeqIx segment) {
    const MutexLock lock(shard.files.mutex);
    auto& claimed = young_files(shard).claimed;
    if (claimed.empty() || claimed.back() != segment) claimed.push_back(segment);
}

io::IoResult<void> SegmentStore::delete_unclaimed(Shard& shard, SeqIx base) {
    if (shard.files.young == nullptr) return {};
    // The references of all records before this segment were replayed: files that they do not name are unused.
    auto& [unclaimed, claimed] = *shard.files.young;
    while (!unclaimed.empty()) {
        const auto at = std::ranges::find_if(unclaimed, [&](SeqIx file) { return file <= base; });
        if (at == unclaimed.end()) return {};
        if (std::ranges::find(claimed, *at) == claimed.end()) {
            const auto gone = fs_.unlink(path_of(shard, *at));
            if (!gone && !gone.error().is_not_found()) return fail(gone.error());
            // Before a checkpoint names a later segment: a file that came back would be taken for one before it.
            dirty_directories_.insert(directory_of(shard.uid));
        }
        unclaimed.erase(at);
    }
    return {};
}

io::IoResult<void> SegmentStore::load(Shard& shard) {
    if (shard.files.loaded) return {};
    shard.files.segments.clear();
    if (shard.files.young != nullptr) shard.files.young->unclaimed.clear();
    const CheckpointShard& known = shard.flushed;
    auto entries = fs_.list(directory_of(shard.uid));
    if (!entries && !entries.error().is_not_found()) return fail(entries.error());
    if (entries) {
        for (const auto& entry : *entries) {
            const auto base = parse_segment_file_name(entry.name);
            if (!base) continue;
            if (*base > known.last_base) {
                // The segment was begun after the recovered checkpoint: its records are replayed from the journal, or
                // references of the journal name it.
                young_files(shard).unclaimed.push_back(*base);
                continue;
            }
            shard.files.segments.push_back({.base = *base, .sealed = *base != known.active_base});
        }
    }
    std::ranges::sort(shard.files.segments, {}, &Segment::base);
    if (known.active_base.value() != 0) {
        if (shard.files.segments.empty() || shard.files.segments.back().base != known.active_base) {
            report_damage(path_of(shard, known.active_base), 0, "the open segment is missing");
            shard.files.open_lost = true;
        } else {
            TRY_VOID(load_open(shard, shard.files.segments.back()));
        }
    }
    shard.files.loaded = true;
    return {};
}

io::IoResult<void> SegmentStore::load_open(Shard& shard, Segment& segment) {
    const CheckpointShard& known = shard.flushed;
    const std::string path = path_of(shard, segment.base);
    TRY(const auto file, files_.open(path, io::OpenMode::read_write));
    TRY(const std::uint64_t size, file->size());
    Bytes head(file_header_size);
    const std::size_t got = file->pread(0, head).value_or(0);
    const auto header = decode_segment_header(ByteSpan(head).first(got));
    // Without a readable header it may be.
    shard.files.open_is_direct = !header || header->base_lsn.value() == 0;
    if (size < known.active_frames_end) {
        // Readers detect the gap; further records go to a new segment.
        report_damage(path, size, "the open segment is shorter than the checkpoint says");
        segment.sealed = true;
        shard.files.open_lost = true;
        return {};
    }
    // References in the journal may name frames behind the end of a segment that was written directly.
    const bool has_surplus = size > known.active_frames_end && !shard.files.open_is_direct;
    if (has_surplus) TRY_VOID(file->ftruncate(known.active_frames_end));
    segment.known = true;
    segment.next = known.next;
    segment.frames_end = known.active_frames_end;
    segment.created = known.active_created;
    segment.max_arrival = known.last_arrival;
    shard.files.open_index = {};
    shard.files.open_index_complete = false;
    return {};
}

io::IoResult<void> SegmentStore::scan(Shard& shard, Segment& segment, SegmentIndex& index) {
    const std::string path = path_of(shard, segment.base);
    TRY(const auto file, files_.open(path, io::OpenMode::read));
    Bytes head(file_header_size);
    TRY(const std::size_t got, file->pread(0, head));
    const auto header = decode_segment_header(ByteSpan(head).first(got));
    if (header) segment.created = header->created;
    TRY(const std::uint64_t size, file->size());
    const std::uint64_t end = segment.known ? segment.frames_end : size;
    SegmentScanner scanner(*file, shard.uid, file_header_size, std::max<std::uint64_t>(end, file_header_size));
    SeqIx next = segment.base;
    TimestampMs last = segment.created;
    while (scanner.advance() == SegmentScanner::Step::frame) {
        // The arrival time is the first field of the body.
        const FramePtr frame = scanner.load();
        if (frame == nullptr) break;
        index_frame(index, segment, frame->first(), frame->arrival(), scanner.position());
        next = frame->next();
        last = frame->arrival();
        index.frames_end = scanner.position() + scanner.header().size_on_disk();
    }
    if (!segment.known) {
        segment.next = next;
        segment.max_arrival = last;
        segment.frames_end = std::max<std::uint64_t>(index.frames_end, file_header_size);
        segment.known = true;
    }
    return {};
}

io::IoResult<void> SegmentStore::learn(Shard& shard, Segment& segment) {
    if (segment.known) return {};
    const std::string path = path_of(shard, segment.base);
    TRY(const auto file, files_.open(path, io::OpenMode::read));
    TRY(const std::uint64_t size, file->size());
    if (size >= file_header_size + segment_footer_size) {
        std::array<std::byte, segment_footer_size> tail;
        std::array<std::byte, file_header_size> head;
        TRY(const std::size_t got_tail, file->pread(size - tail.size(), tail));
        TRY(const std::size_t got_head, file->pread(0, head));
        const auto footer = decode_segment_footer(ByteSpan(tail).first(got_tail));
        const auto header = decode_segment_header(ByteSpan(head).first(got_head));
        if (footer && header && footer->frames_end == size - segment_footer_size) {
            segment.known = true;
            segment.next = footer->next;
            segment.frames_end = footer->frames_end;
            segment.max_arrival = footer->max_arrival;
            segment.created = header->created;
            return {};
        }
    }
    report_damage(path, size, "the footer is damaged; the frames are read instead");
    SegmentIndex index;
    return scan(shard, segment, index);
}

io::IoResult<SegmentIndex> SegmentStore::index_of(Shard& shard, Segment& segment) {
    if (!segment.sealed) {
        if (!shard.files.open_index_complete) {
            SegmentIndex index;
            TRY_VOID(scan(shard, segment, index));
            index.frames_end = segment.frames_end;
            shard.files.open_index = std::move(index);
            shard.files.open_index_complete = true;
        }
        return shard.files.open_index;
    }
    // Not kept in memory: there may be many indexes, and the page cache has the ones in use.
    const std::string path = directory_of(shard.uid) + "/" + index_file_name(segment.base);
    if (const auto bytes = io::read_file(fs_, path, 64 << 20)) {
        auto stored = decode_index(segment.base, *bytes);
        if (stored && stored->frames_end == segment.frames_end) return *std::move(stored);
    }
    SegmentIndex index;
    TRY_VOID(scan(shard, segment, index));
    index.frames_end = segment.frames_end;
    write_index(shard, segment.base, index);
    return index;
}

io::IoResult<std::optional<SegmentStore::Place>> SegmentStore::find_place(Shard& shard, SeqIx seq) {
    const MutexLock lock(shard.files.mutex);
    TRY_VOID(load(shard));
    auto& segments = shard.files.segments;
    auto at = std::ranges::upper_bound(segments, seq, {}, &Segment::base);
    if (at != segments.begin()) {
        TRY_VOID(learn(shard, *std::prev(at)));
        // A number in a gap between two segments belongs to the later one.
        if (std::prev(at)->next > seq) --at;
    }
    if (at == segments.end()) return std::optional<Place>();
    TRY_VOID(learn(shard, *at));
    TRY(const SegmentIndex index, index_of(shard, *at));
    Place place{.path = path_of(shard, at->base), .position = file_header_size, .end = at->frames_end};
    place.segment_next = at->next;
    const std::uint64_t offset = seq > at->base ? seq.value() - at->base.value() : 0;
    const auto entry = std::ranges::upper_bound(index.entries, offset, {},
                                                [](const IndexEntry& e) { return std::uint64_t{e.seq_offset}; });
    if (entry != index.entries.begin()) place.position = std::prev(entry)->position;
    return std::optional(std::move(place));
}

io::IoResult<std::optional<SegmentStore::Place>> SegmentStore::find_place(Shard& shard, TimestampMs time) {
    const MutexLock lock(shard.files.mutex);
    TRY_VOID(load(shard));
    for (Segment& segment : shard.files.segments) {
        TRY_VOID(learn(shard, segment));
        if (segment.max_arrival < time) continue;
        TRY(const SegmentIndex index, index_of(shard, segment));
        Place place{.path = path_of(shard, segment.base), .position = file_header_size, .end = segment.frames_end};
        place.segment_next = segment.next;
        const std::uint32_t offset = arrival_offset(segment.created, time);
        // The last entry that is certainly earlier: records with an equal time may begin before an entry.
        for (const IndexEntry& entry : index.entries) {
            if (entry.arrival_offset >= offset || entry.arrival_offset == index_arrival_max) break;
            place.position = entry.position;
        }
        return std::optional(std::move(place));
    }
    return std::optional<Place>();
}

Expected<bool, ReadFailure> SegmentStore::read_segment(Shard& shard, const Place& place, ColdRead& read) {
    const auto file = files_.open(place.path, io::OpenMode::read);
    SeqIx& at = read.result.next;
    if (!file) return fail(unreadable(file.error(), at));
    SegmentScanner scanner(**file, shard.uid, place.position, place.end);
    SegmentScanner::Step step{};
    while ((step = scanner.advance()) == SegmentScanner::Step::frame) {
        const FrameHeader& header = scanner.header();
        if (header.base_seq + header.record_count <= at.value()) continue;
        // Checks for a gap first: the records after it may be beyond the stop.
        const bool is_gap = header.base_seq > at.value();
        if (!is_gap && header.base_seq >= read.stop.value()) return false;
        const FramePtr frame = is_gap ? nullptr : scanner.load();
        if (frame == nullptr) {
            step = SegmentScanner::Step::damaged;
            break;
        }
        if (frame->arrival() < read.horizon) {
            at = frame->next();
            if (std::exchange(read.has_jumped, true)) continue;
            // Skips expired frames by a search, because there may be many.
            TRY(const SeqIx first, find_by_time(shard, read.horizon, at, read.stop));
            at = first;
            return true;
        }
        // A frame of which only a part is wanted counts in full; the caller cuts.
        if (read.records >= read.limits.records_max || read.bytes >= read.limits.bytes_max) {
            read.result.next_arrival = frame->arrival();
            return false;
        }
        at = frame->next();
        read.records += frame->record_count();
        read.bytes += frame->payload_bytes();
        read.result.frames.push_back(frame);
    }
    if (step == SegmentScanner::Step::end && at >= place.segment_next) return true;
    return fail(ReadFailure{
        .at = at, .path = place.path, .offset = scanner.position(), .problem = "a frame is damaged or missing"});
}

Expected<ColdFrames, ReadFailure> SegmentStore::read(Shard& shard, SeqIx from, SeqIx stop, ReadLimits limits,
                                                     TimestampMs horizon) {
    ColdRead read{.stop = stop, .limits = limits, .horizon = horizon};
    read.result.next = from;
    while (read.result.next < stop) {
        const auto place = find_place(shard, read.result.next);
        if (!place) return fail(unreadable(place.error(), read.result.next));
        auto more =
            *place ? read_segment(shard, **place, read)
                   : Expected<bool, ReadFailure>(fail(ReadFailure{
                         .at = read.result.next, .path = directory_of(shard.uid), .problem = "records are missing"}));
        // Records read before the damage are returned; the next read begins at the damage.
        if (!more && read.result.frames.empty()) return fail(std::move(more).error());
        if (!more || !*more) break;
    }
    return std::move(read.result);
}

Expected<SeqIx, ReadFailure> SegmentStore::find_by_time(Shard& shard, TimestampMs at, SeqIx from, SeqIx stop) {
    const auto place = find_place(shard, at);
    if (!place) return fail(unreadable(place.error(), from));
    if (!*place) return stop;
    const auto file = files_.open((*place)->path, io::OpenMode::read);
    if (!file) return fail(unreadable(file.error(), from));
    SeqIx good = from;
    SegmentScanner scanner(**file, shard.uid, (*place)->position, (*place)->end);
    while (scanner.advance() == SegmentScanner::Step::frame) {
        const FramePtr frame = scanner.load();
        if (frame == nullptr) break;
        if (frame->arrival() >= at) return std::clamp(frame->first(), from, stop);
        good = std::max(good, frame->next());
    }
    // The segment contains such a record. Going on behind it would skip records that cannot be read.
    return fail(ReadFailure{
        .at = good, .path = (*place)->path, .offset = scanner.position(), .problem = "a frame is damaged or missing"});
}

std::array<std::string, 3> SegmentStore::directories_of(ShardUid shard) const {
    std::string directory = directory_of(shard);
    std::string bucket = directory.substr(0, directory.rfind('/'));
    return {std::move(directory), std::move(bucket), root_ + "/data"};
}

io::IoResult<void> SegmentStore::make_directories(ShardUid shard) {
    const auto [directory, bucket, data] = directories_of(shard);
    TRY_VOID(fs_.mkdir(bucket));
    TRY_VOID(fs_.mkdir(directory));
    return {};
}

io::IoResult<void> SegmentStore::prepare_direct(Shard& shard, bool is_new) {
    {
        // A later load would not know the files that direct writes make.
        const MutexLock lock(shard.files.mutex);
        TRY_VOID(load(shard));
    }
    if (is_new) TRY_VOID(make_directories(shard.uid));
    return {};
}

void SegmentStore::write_index(Shard& shard, SeqIx base, const SegmentIndex& index) {
    // Best effort: a missing or invalid index is rebuilt from the frames.
    const std::string path = directory_of(shard.uid) + "/" + index_file_name(base);
    const auto file = fs_.open(path, {.mode = io::OpenMode::create});
    if (!file) return;
    const Bytes bytes = encode_index(base, index);
    auto written = (*file)->ftruncate(0);
    if (written) written = (*file)->pwrite(0, bytes);
    if (written || written.error().is_shortage()) return;
    core::log_line(core::LogLevel::warn, "segment index not written", {{"error", written.error().describe()}});
}

void SegmentStore::note_dirty(const std::string& path, std::shared_ptr<io::File> file) {
    if (sync_all_) return;
    dirty_files_[path] = std::move(file);
    // Each dirty file stays open until the next sync.
    if (dirty_files_.size() <= std::min(dirty_files_max, limits_.open_files_max / 2)) return;
    sync_all_ = true;
    dirty_files_.clear();
}

io::IoResult<void> SegmentStore::sync() {
    if (sync_all_) {
        TRY_VOID(fs_.syncfs(root_));
    } else {
        for (const auto& [path, file] : dirty_files_) TRY_VOID(file->fdatasync());
        for (const std::string& directory : dirty_directories_) TRY_VOID(fs_.sync_directory(directory));
    }
    dirty_files_.clear();
    dirty_directories_.clear();
    sync_all_ = false;
    return {};
}

io::IoResult<std::uint64_t> SegmentStore::stored_bytes(Shard& shard, SeqIx& end) {
    const MutexLock lock(shard.files.mutex);
    TRY_VOID(load(shard));
    std::uint64_t size = 0;
    for (Segment& segment : shard.files.segments) {
        TRY_VOID(learn(shard, segment));
        size += segment.frames_end - file_header_size;
        end = segment.next;
    }
    return size;
}

io::IoResult<SeqIx> SegmentStore::expired_before(Shard& shard, TimestampMs limit) {
    const MutexLock lock(shard.files.mutex);
    TRY_VOID(load(shard));
    SeqIx end;
    for (Segment& segment : shard.files.segments) {
        if (!segment.sealed) break;
        TRY_VOID(learn(shard, segment));
        if (segment.max_arrival >= limit) break;
        end = segment.next;
    }
    return end;
}

io::IoResult<std::size_t> SegmentStore::remove_before(Shard& shard, SeqIx first_available) {
    const MutexLock lock(shard.files.mutex);
    TRY_VOID(load(shard));
    auto& segments = shard.files.segments;
    std::size_t removed = 0;
    while (removed < segments.size() && segments[removed].sealed) {
        Segment& segment = segments[removed];
        TRY_VOID(learn(shard, segment));
        if (segment.next > first_available) break;
        const std::string path = path_of(shard, segment.base);
        files_.forget(path);
        dirty_files_.erase(path);
        if (const auto done = fs_.unlink(path); !done && !done.error().is_not_found()) return fail(done.error());
        static_cast<void>(fs_.unlink(directory_of(shard.uid) + "/" + index_file_name(segment.base)));
        ++removed;
    }
    segments.erase(segments.begin(), segments.begin() + static_cast<std::ptrdiff_t>(removed));
    return removed;
}

io::IoResult<void> SegmentStore::remove_shard(ShardUid shard) {
    const std::string directory = directory_of(shard);
    const auto entries = fs_.list(directory);
    if (!entries) {
        if (entries.error().is_not_found()) return {};
        return fail(entries.error());
    }
    for (const auto& entry : *entries) {
        const std::string path = directory + "/" + entry.name;
        files_.forget(path);
        dirty_files_.erase(path);
        TRY_VOID(fs_.unlink(path));
    }
    dirty_directories_.erase(directory);
    return fs_.rmdir(directory);
}

}  // namespace riacho::log::detail
