// Flusher: moves durable frames from memory into the shards' segments, makes checkpoints, and then releases journal
// files, cached frames and trimmed segments.
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
    // Moves all published frames into segments. False if the disk is full (or has failed): frames that were not moved
    // stay in memory and in the journal.
    bool process();
    // Makes the processed frames durable and writes the checkpoint. False as above.
    bool checkpoint();
    // Enforces retention, seals old segments, samples the free space.
    void tick();

    // Recovery: takes over the state of the checkpoint.
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
    // On a full disk: carries out deletions that are queued behind frames that cannot be written. The deletions are
    // durable in the journal, so recovery repeats them. True if something was deleted.
    bool delete_early();
    // A frame that was written directly.
    bool take_over(FlushEvent& event);
    bool pass_damage(const FlushEvent& event);
    // Whether the shard's open segment is no more written to directly, and will not be.
    static bool may_seal(Shard& shard);
    bool process_events();
    bool flush(Shard& shard);
    bool flush_touched();
    bool seal(Shard& shard);
    // Classifies an I/O error outside the journal: a shortage passes, any other error poisons the store. Returns false.
    bool survive(const io::IoError& error);
    bool checkpoint_is_due();
    Bytes encode_state() const;
    void release_journal();
    // Deletes the files of trimmed records and dropped shards; true if there were any.
    bool release_files();
    // Evicts the oldest frames covered by a checkpoint from memory, until the rest fits into the cache.
    void evict();
    [[nodiscard]] bool is_cache_full(ShardClass shard_class) const;
    void enforce_retention();
    void seal_old_segments();

    Store& store_;
    Sequencer& sequencer_;
    std::map<ShardUid, ShardPtr> shards_;
    std::deque<FlushEvent> todo_;
    std::size_t looked_at_ = 0;      // number of events of todo_ that delete_early() has examined
    std::vector<ShardPtr> touched_;  // shards with unflushed frames
    std::size_t touched_bytes_ = 0;
    FlushEvent reached_;  // the last group end whose events were applied
    FlushEvent flushed_;  // the last group end with everything before it in segments
    Lsn checkpoint_lsn_;
    bool has_changed_ = false;          // changed since the last checkpoint
    bool is_checkpoint_short_ = false;  // the last checkpoint met a full disk or too many open files
    std::vector<ShardUid> dropped_;
    std::set<ShardUid> trimmed_;
    // By class: every frame in a tail cache, oldest first (and some frames that were evicted already).
    std::array<std::deque<Cached>, 2> cached_;
    std::size_t dirty_bytes_ = 0;      // size of the frames processed since the checkpoint
    std::uint64_t direct_bytes_ = 0;   // of them, those that the journal only refers to
    bool has_dropped_frames_ = false;  // cached_ may hold frames of dropped shards
    MonotonicNs last_checkpoint_;
    MonotonicNs last_tick_;
    MonotonicNs last_retention_;
    core::LogThrottle delete_throttle_;
    core::LogThrottle retention_throttle_;
    core::IdleWatch idle_;
};

}  // namespace riacho::log::detail
