// Shard: the log's state of one shard, in three parts with different owners; and the table of shards.
#pragma once

#include <atomic>
#include <deque>
#include <memory>
#include <optional>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "log/detail/format.h"
#include "log/frame.h"
#include "log/local_log.h"
#include "log/types.h"

namespace riacho::log::detail {

using FramePtr = std::shared_ptr<const Frame>;

inline constexpr std::uint64_t direct_end_unknown = UINT64_MAX;

// Memory of the frame object and its list entries, in addition to the bytes of the frame.
inline constexpr std::size_t cached_frame_overhead = 256;
// Memory that a frame takes in the tail cache.
inline std::size_t cached_size(const Frame& frame) { return frame.header().size_on_disk() + cached_frame_overhead; }

// One file of a shard's records.
struct Segment {
    SeqIx base;
    bool sealed = false;
    // The following members are valid for the open segment, and for a sealed one once its footer was read (`known`).
    bool known = false;
    SeqIx next;
    std::uint64_t frames_end = 0;
    TimestampMs created;
    TimestampMs max_arrival;
};

// Files of a shard that its last checkpoint does not know.
struct YoungFiles {
    // Begun after the checkpoint: deleted before a later segment is begun, unless a reference names them.
    std::vector<SeqIx> unclaimed;
    std::vector<SeqIx> claimed;  // segments that references of the replayed journal name
};

// The files of a shard, oldest first. Read from the directory when first needed.
struct SegmentSet {
    Mutex mutex;
    bool loaded GUARDED_BY(mutex) = false;
    std::vector<Segment> segments GUARDED_BY(mutex);
    // The open segment named by the checkpoint is damaged: the flusher must not append to it.
    bool open_lost GUARDED_BY(mutex) = false;
    // The open segment was begun by a direct write. It may hold more frames than the flusher knows of.
    bool open_is_direct GUARDED_BY(mutex) = false;
    std::unique_ptr<YoungFiles> young GUARDED_BY(mutex);
    // Index of the open segment. Complete unless frames from before the start of this process are missing.
    SegmentIndex open_index GUARDED_BY(mutex);
    bool open_index_complete GUARDED_BY(mutex) = true;
};

// The sequencer's state of a shard's direct writes.
struct DirectWrites {
    TimestampMs created;           // of the segment that is written to
    std::uint32_t held = 0;        // queued requests with a batch for the shard that wait for the lane
    bool is_in_job = false;        // the lane is writing frames of the shard: their numbers are taken
    bool has_segment = false;      // Shard::direct_base may be set
    SeqIx leftover;                // a file of a failed write that has to be deleted; 0: none
    std::size_t bytes_before = 0;  // to be journaled before the shard is worth another segment of its own
    // Used while a job is composed.
    std::size_t waiting_bytes = 0;
    // journal: an earlier request of the shard goes to the journal. blocked: an earlier one waits.
    enum class Choice : std::uint8_t { open, in_job, journal, blocked } choice = Choice::open;
    std::size_t run = 0;
};

struct Shard {
    Shard(ShardUid id, SeqIx first, ShardClass given_class)
        : uid(id), shard_class(given_class), sequencing{.next = first}, first_available(first), next(first) {
        flushed.shard = id;
        flushed.shard_class = given_class;
        flushed.first_available = first;
        flushed.next = first;
    }

    const ShardUid uid;
    const ShardClass shard_class;

    // Used by the sequencer's thread only (recovery before it): the shard's state for the next records.
    struct Sequencing {
        SeqIx next;
        TimestampMs last_arrival;
        bool closed = false;
        std::unique_ptr<DirectWrites> direct;  // null: the shard has had no large batch
    } sequencing;

    // The state that readers see: durable and visible.
    mutable Mutex mutex;
    SeqIx first_available GUARDED_BY(mutex);
    SeqIx next GUARDED_BY(mutex);
    TimestampMs last_arrival GUARDED_BY(mutex);
    bool closed GUARDED_BY(mutex) = false;
    bool dropped GUARDED_BY(mutex) = false;
    SeqIx damaged_from GUARDED_BY(mutex);         // 0: undamaged
    std::deque<FramePtr> tail GUARDED_BY(mutex);  // the newest frames, without gaps up to `next`
    // The segment that direct writes of this process extend, and where it ends; 0: the next one begins another. The
    // flusher may reset it when its end is where the flusher knows it to be.
    SeqIx direct_base GUARDED_BY(mutex);
    std::uint64_t direct_end GUARDED_BY(mutex) = 0;  // direct_end_unknown while frames are written behind it
    // Behind the last record with a reference. The reference may still be on its way to the flusher, which must not
    // seal the open segment in front of it: a footer would take the frame's place.
    SeqIx referenced_next GUARDED_BY(mutex);
    Waiter* waiters GUARDED_BY(mutex) = nullptr;

    // Used by the flusher's thread only: the shard's state in its segments, and the frames not yet in them.
    CheckpointShard flushed;
    std::vector<FramePtr> unflushed;
    bool is_deleted = false;  // set before the flusher processes the drop event; nothing is written any more

    SegmentSet files;
    std::atomic<std::int64_t> retention_ms{-1};
};
using ShardPtr = std::shared_ptr<Shard>;

// The shards that readers can find. Thread-safe.
class ShardTable {
public:
    [[nodiscard]] ShardPtr find(ShardUid uid) const {
        const MutexLock lock(mutex_);
        const auto at = shards_.find(uid);
        return at == shards_.end() ? nullptr : at->second;
    }
    void insert(ShardPtr shard) {
        const MutexLock lock(mutex_);
        const ShardUid uid = shard->uid;
        shards_[uid] = std::move(shard);
    }
    void erase(ShardUid uid) {
        const MutexLock lock(mutex_);
        shards_.erase(uid);
    }
    [[nodiscard]] std::size_t size() const {
        const MutexLock lock(mutex_);
        return shards_.size();
    }
    [[nodiscard]] std::vector<ShardPtr> all() const {
        const MutexLock lock(mutex_);
        std::vector<ShardPtr> list;
        list.reserve(shards_.size());
        for (const auto& [uid, shard] : shards_) list.push_back(shard);
        return list;
    }

private:
    mutable Mutex mutex_;
    std::unordered_map<ShardUid, ShardPtr> shards_ GUARDED_BY(mutex_);
};

}  // namespace riacho::log::detail
