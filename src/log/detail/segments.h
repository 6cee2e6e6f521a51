// SegmentStore: the per-shard files that hold records after they have left the journal.
#pragma once

#include <array>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "io/file_system.h"
#include "log/detail/bulk_writer.h"
#include "log/detail/segment_file.h"
#include "log/detail/shard.h"

namespace riacho::log::detail {

struct ColdFrames {
    std::vector<FramePtr> frames;
    SeqIx next;                               // one after the last record read or skipped
    std::optional<TimestampMs> next_arrival;  // arrival time of the frame at `next`
};

// The cause of a failed read.
struct ReadFailure {
    LogError error = LogError::corrupt;
    SeqIx at;  // the first unreadable record, or a record before it
    std::string path;
    std::uint64_t offset = 0;
    std::string problem;
};

// The arrival time of an index entry: milliseconds since the creation of the segment.
std::uint32_t arrival_offset(TimestampMs created, TimestampMs arrival);
// Adds an index entry if the last one is an interval behind.
void index_frame(SegmentIndex& index, const Segment& segment, SeqIx first, TimestampMs arrival, std::uint64_t position);

// append, seal, sync and remove belong to the flusher's thread (recovery before it); the reading functions are
// thread-safe.
class SegmentStore {
public:
    struct Limits {
        std::size_t open_files_max;
        std::size_t segment_bytes;
        std::int64_t segment_age_ms_max;
        std::size_t direct_bytes_min;
    };
    SegmentStore(io::FileSystem& fs, std::string root, Limits limits)
        : fs_(fs),
          root_(std::move(root)),
          limits_(limits),
          files_(fs, limits.open_files_max),
          writer_(fs, limits.direct_bytes_min) {}

    void set_store(const StoreUuid& store) { store_ = store; }

    // Moves frames from shard.unflushed into its segments, in order; written frames are removed from it even if a later
    // one fails.
    io::IoResult<void> append(Shard& shard);
    // Takes over a frame of the records first..next-1 that was written directly: its segment is now the open one, up to
    // the frame's end. arrival: nothing if the frame is damaged. False, and nothing is changed, if the segment cannot
    // be extended, because the checkpoint's open segment was lost.
    io::IoResult<bool> adopt(Shard& shard, SeqIx first, SeqIx next, std::optional<TimestampMs> arrival,
                             const SegmentReference& reference);
    // Seals the open segment, if there is one.
    io::IoResult<void> seal(Shard& shard);
    // Seals the open segment in front of lost records, unless it may hold frames behind them that were written
    // directly.
    io::IoResult<void> seal_before_gap(Shard& shard);
    // Makes everything appended, sealed or created before durable.
    io::IoResult<void> sync();
    // Deletes sealed segments all of whose records lie before first_available.
    io::IoResult<std::size_t> remove_before(Shard& shard, SeqIx first_available);
    // Deletes the files of a dropped shard.
    io::IoResult<void> remove_shard(ShardUid shard);
    // Recovery: a reference in the journal names this segment.
    void claim(Shard& shard, SeqIx segment);
    // Thread-safe: gets a shard ready for a direct write of its file at segment_path(). is_new: makes its directories.
    io::IoResult<void> prepare_direct(Shard& shard, bool is_new);
    // The directories that hold a segment's name, to be synced after a file was made: the shard's own is the first.
    [[nodiscard]] std::array<std::string, 3> directories_of(ShardUid shard) const;
    [[nodiscard]] std::string segment_path(const Shard& shard, SeqIx base) const { return path_of(shard, base); }
    [[nodiscard]] std::uint64_t segment_bytes(const Shard& shard) const {
        return shard.shard_class == ShardClass::media ? 4 * limits_.segment_bytes : limits_.segment_bytes;
    }
    [[nodiscard]] const StoreUuid& store() const { return store_; }
    // Counts bytes that were written to a segment.
    void note_bytes(std::size_t bytes) { bytes_written_.fetch_add(bytes, std::memory_order_relaxed); }
    // For tests of reopening.
    void forget_open_files() { files_.forget_all(); }
    [[nodiscard]] std::uint64_t bytes_written() const { return bytes_written_.load(std::memory_order_relaxed); }

    // The size of the frames in segments; end: one after their last record.
    io::IoResult<std::uint64_t> stored_bytes(Shard& shard, SeqIx& end);
    // The end of the segments all of whose records arrived before `limit`; 0 if there are none.
    io::IoResult<SeqIx> expired_before(Shard& shard, TimestampMs limit);

    // Frames from the one that contains `from` (or the first later one) up to `stop` (not included) or to the limits;
    // frames that arrived before the horizon are left out.
    Expected<ColdFrames, ReadFailure> read(Shard& shard, SeqIx from, SeqIx stop, ReadLimits limits,
                                           TimestampMs horizon);
    // The first record in segments that arrived at or after `at`; `stop` if there is none before it.
    Expected<SeqIx, ReadFailure> find_by_time(Shard& shard, TimestampMs at, SeqIx from, SeqIx stop);

private:
    // The state of a read in progress.
    struct ColdRead {
        SeqIx stop;
        ReadLimits limits;
        TimestampMs horizon;
        std::size_t records = 0;
        std::size_t bytes = 0;
        bool has_jumped = false;
        ColdFrames result;
    };
    struct Place {
        std::string path;
        std::uint64_t position = 0;
        std::uint64_t end = 0;
        SeqIx segment_next;
    };
    std::string directory_of(ShardUid shard) const { return root_ + "/" + shard_directory(shard); }
    std::string path_of(const Shard& shard, SeqIx base) const {
        return directory_of(shard.uid) + "/" + segment_file_name(base);
    }

    // Reads frames of one segment. True when the next segment may contain more.
    Expected<bool, ReadFailure> read_segment(Shard& shard, const Place& place, ColdRead& read);
    io::IoResult<void> load(Shard& shard) REQUIRES(shard.files.mutex);
    io::IoResult<void> load_for_writing(Shard& shard) REQUIRES(shard.files.mutex);
    io::IoResult<void> load_open(Shard& shard, Segment& segment) REQUIRES(shard.files.mutex);
    // Reads the footer, or all frames when the footer is invalid.
    io::IoResult<void> learn(Shard& shard, Segment& segment) REQUIRES(shard.files.mutex);
    io::IoResult<void> scan(Shard& shard, Segment& segment, SegmentIndex& index) REQUIRES(shard.files.mutex);
    io::IoResult<SegmentIndex> index_of(Shard& shard, Segment& segment) REQUIRES(shard.files.mutex);
    io::IoResult<std::optional<Place>> find_place(Shard& shard, SeqIx seq);
    io::IoResult<std::optional<Place>> find_place(Shard& shard, TimestampMs at);

    io::IoResult<void> make_directories(ShardUid shard);
    io::IoResult<void> write_frames(Shard& shard, std::span<const FramePtr> frames, bool is_new);
    std::size_t frames_that_fit(const Shard& shard) const;
    // Deletes files of no known use, so that no later start takes one for a segment before `base`.
    io::IoResult<void> delete_unclaimed(Shard& shard, SeqIx base) REQUIRES(shard.files.mutex);
    void begin_open(Shard& shard, SeqIx base, TimestampMs created, bool is_direct) REQUIRES(shard.files.mutex);
    // Adds a frame at [position, end) of the open segment's file.
    struct Extension {
        SeqIx first;
        SeqIx next;
        TimestampMs arrival;
        std::uint32_t header_crc;
        std::uint64_t position;
        std::uint64_t end;
    };
    void extend_open(Shard& shard, const Extension& frame) REQUIRES(shard.files.mutex);
    io::IoResult<void> seal_open(Shard& shard) REQUIRES(shard.files.mutex);
    void note_written(Shard& shard, std::span<const FramePtr> frames, bool is_new);
    void write_index(Shard& shard, SeqIx base, const SegmentIndex& index);
    void note_dirty(const std::string& path, std::shared_ptr<io::File> file);

    io::FileSystem& fs_;
    const std::string root_;
    const Limits limits_;
    StoreUuid store_{};
    FileCache files_;
    BulkWriter writer_;
    std::atomic<std::uint64_t> bytes_written_{0};
    // Files that sync() has to cover. If there are too many to sync one by one, the whole file system is synced.
    std::map<std::string, std::shared_ptr<io::File>> dirty_files_;
    std::set<std::string> dirty_directories_;
    bool sync_all_ = false;
};

}  // namespace riacho::log::detail
