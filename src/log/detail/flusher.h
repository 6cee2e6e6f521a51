// Flusher: carries durable frames from memory into the shards' segments, makes checkpoints, and gives back what they
// free: journal files, cache, trimmed segments.
#pragma once

#include <array>
#include <deque>
#include <functional>
#include <map>
#include <set>
#include <vector>

#include "core/memory_release.h"
#include "core/throttle.h"
#include "log/detail/sequencer.h"
#include "log/detail/store.h"

namespace riacho::log::detail {

// One thread runs run(). Tests and recovery call process and checkpoint instead, on one thread.
class Flusher {
public:
    Flusher(Store& store, Sequencer& sequencer) : store_(store), sequencer_(sequencer) {}

    void run();
    // Moves everything that is published into segments. False if the disk is full (or has failed): what could not be
    // moved stays in memory and in the journal.
    bool process();
    // Makes durable what was processed, and says so. False as above.
    bool checkpoint();
    // Deletes what retention says, seals segments that have grown old, looks at the free space.
    void tick();

    // Recovery: what the checkpoint had.
    void restore(const Checkpoint& checkpoint);
    [[nodiscard]] Lsn checkpoint_lsn() const { return checkpoint_lsn_; }
    [[nodiscard]] Lsn flushed_lsn() const { return flushed_.lsn; }

private:
    struct Cached {
        ShardPtr shard;
        SeqIx first;
        std::size_t bytes;
        Lsn lsn;
    };

    bool apply(FlushEvent& event);
    // On a full disk: carries out the deletions that wait behind what cannot be written. They are durable in the
    // journal, so a start carries them out as well. True if something was deleted.
    bool delete_early();
    bool process_events();
    bool flush(Shard& shard);
    bool flush_touched();
    bool seal(Shard& shard);
    // Judges an error outside the journal: a full disk is waited for, anything else is the end.
    bool survive(const io::IoError& error);
    bool checkpoint_is_due();
    Bytes encode_state() const;
    void release_journal();
    // Deletes the files of what was trimmed or dropped; true if there were any.
    bool release_files();
    // Takes the oldest frames that a checkpoint covers out of memory, until what stays fits.
    void evict();
    [[nodiscard]] bool is_cache_full(ShardClass shard_class) const;
    void enforce_retention();
    void seal_old_segments();

    Store& store_;
    Sequencer& sequencer_;
    std::map<ShardUid, ShardPtr> shards_;
    std::deque<FlushEvent> todo_;
    std::size_t looked_at_ = 0;      // of todo_, by delete_early
    std::vector<ShardPtr> touched_;  // have unflushed frames
    std::size_t touched_bytes_ = 0;
    FlushEvent reached_;  // the last group end whose events were applied
    FlushEvent flushed_;  // the last group end with everything before it in segments
    Lsn checkpoint_lsn_;
    bool has_changed_ = false;          // since the checkpoint
    bool is_checkpoint_short_ = false;  // the last one met a full disk or too many open files
    std::vector<ShardUid> dropped_;
    std::set<ShardUid> trimmed_;
    // By class: every frame in a tail cache, oldest first (and some that are gone).
    std::array<std::deque<Cached>, 2> cached_;
    std::size_t dirty_bytes_ = 0;      // of the frames processed since the checkpoint
    bool has_dropped_frames_ = false;  // cached_ may hold frames of shards that are gone
    MonotonicNs last_checkpoint_;
    MonotonicNs last_tick_;
    MonotonicNs last_retention_;
    core::LogThrottle delete_throttle_;
    core::LogThrottle retention_throttle_;
    core::IdleWatch idle_;
};

}  // namespace riacho::log::detail
