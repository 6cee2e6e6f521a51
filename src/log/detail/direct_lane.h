// DirectLane: writes large batches to the segments of their shards, beside the sequencer, which then writes references
// to them. docs/formats/segment.md has the rules.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "base/mutex.h"
#include "core/work_pool.h"
#include "log/detail/store.h"
#include "log/record_log.h"

namespace riacho::log::detail {

inline constexpr std::size_t job_shards_max = 16;  // files that a job writes and syncs
inline constexpr std::size_t direct_threads_max = 4;

struct DirectFrame {
    ShardBatch* batch = nullptr;  // of a request of the job
    SeqIx first;
    TimestampMs arrival;
    SegmentReference reference;  // the lane sets its checksum
    FramePtr frame;              // set by the lane, which takes it from the batch
};

// The frames that a job adds to one shard, one behind the other in one segment.
struct DirectRun {
    ShardPtr shard;
    bool is_new = false;  // begins the segment
    TimestampMs created;  // of the segment
    SeqIx base;           // of the segment
    std::uint64_t start = 0;
    std::uint64_t end = 0;  // a multiple of a block, as is start
    std::vector<DirectFrame> frames;
    std::uint64_t end_before = 0;  // direct_end of the shard before the job
    // Set by the lane:
    std::optional<io::IoError> error;
    bool is_final = false;      // after the error, a sync's, the content of the disk is not known
    bool has_leftover = false;  // the job failed, and the file that it began could not be deleted
};

struct DirectJob {
    QueueItem* items = nullptr;  // the requests, in order
    std::vector<DirectRun> runs;
    std::size_t bytes = 0;
    std::size_t frames = 0;
    bool has_records = false;  // holds requests of class records
    std::size_t media_bytes = 0;
    // The job failed and nothing of it counts. A shortage; all other failures poison the store.
    std::optional<io::IoError> error;
};

// Its functions belong to the sequencer's thread.
class DirectLane {
public:
    // on_done: called when a job is done, from a thread of the lane.
    DirectLane(Store& store, std::function<void()> on_done) : store_(store), on_done_(std::move(on_done)) {}
    DirectLane(const DirectLane&) = delete;
    DirectLane& operator=(const DirectLane&) = delete;

    // From now on a job's files are written and synced by threads, side by side. Without them begin() does the work.
    void use_threads();
    // Begins a job, of at least one run; there is none.
    void begin(DirectJob job);
    // A job was begun and not taken back.
    [[nodiscard]] bool is_busy() const { return is_busy_; }
    // take() would not wait.
    [[nodiscard]] bool is_done() const {
        const MutexLock lock(mutex_);
        return is_done_;
    }
    // Waits until the job is done. Its frames are durable then, unless it failed.
    DirectJob take();
    // Deletes the file that the run began, of a job of which nothing counts.
    void discard(DirectRun& run);

private:
    // Writes one run and syncs its file.
    void perform(DirectRun& run);
    void note_performed();
    // When all runs are performed.
    void finish(DirectJob& job);
    io::IoResult<void> sync_directories(const DirectJob& job);
    io::IoResult<std::unique_ptr<io::File>> write(DirectRun& run);
    void undo(DirectRun& run);

    Store& store_;
    const std::function<void()> on_done_;
    bool is_busy_ = false;
    DirectJob job_;  // belongs to the lane's threads until is_done_

    mutable Mutex mutex_;
    Condition done_;
    std::size_t runs_left_ GUARDED_BY(mutex_) = 0;
    bool is_done_ GUARDED_BY(mutex_) = false;
    std::optional<core::WorkPool> threads_;  // the last member: they end first
};

}  // namespace riacho::log::detail
