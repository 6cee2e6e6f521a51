// Sequencer: orders records and commands, writes the journal in groups and publishes durable groups.
#pragma once

#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/mutex.h"
#include "log/detail/direct_lane.h"
#include "log/detail/staging.h"
#include "log/detail/store.h"

namespace riacho::log::detail {

inline constexpr std::size_t queue_frames_max = 65'536;
// Media may fill only this part of the queue, and add at most group_media_bytes_max to a group that also holds records,
// because records wait for the group's write.
inline constexpr std::size_t queue_media_bytes_max = 32 << 20;
inline constexpr std::size_t group_media_bytes_max = 2 << 20;
// Extra queue space for commands and trims, for a queue that is full of records.
inline constexpr std::size_t queue_control_bytes = 4 << 20;
inline constexpr std::size_t queue_control_frames = 1'024;
inline constexpr std::size_t group_bytes_max = 4 << 20;
inline constexpr std::int64_t mark_after_idle_ms = 50;
// Bounds of a job of the direct lane: commands that end shards wait for it, and its frames are in memory.
inline constexpr std::size_t job_bytes_max = 8 << 20;
inline constexpr std::size_t job_frames_max = 1'024;
// Parts of Options::large_bytes_min. Measured: a direct write costs two syncs, one after the other, so it pays only
// when it saves writing many bytes twice.
inline constexpr std::size_t large_batch_part = 48;     // the mean batch of a request that may wait for the lane
inline constexpr std::size_t large_shard_part = 3;      // what waits for a shard that gets a segment of its own,
inline constexpr std::size_t large_again_part = 12;     // or that has one
inline constexpr std::size_t small_jobs_max = 8;        // jobs in a row of less than Options::large_bytes_min
inline constexpr std::int64_t direct_pause_ms = 1'000;  // after a direct write that found no space or no descriptor
// Part of a full volume's journal that is reserved for commands and trims: they are the requests that free space.
inline constexpr std::size_t reserve_bytes = 1 << 20;

struct CommandRequest : QueueItem {
    CommandRequest() : QueueItem(Kind::command) {}
    std::string command;
    Expected<CommandResult, LogError> result = fail(LogError::shutting_down);
};

// Sent by retention: trims records before first_available.
struct TrimRequest : QueueItem {
    TrimRequest() : QueueItem(Kind::trim) {}
    ShardUid shard;
    SeqIx first_available;
    bool done = false;
};

inline bool is_media(const QueueItem& item) {
    return item.kind == QueueItem::Kind::append &&
           static_cast<const AppendRequest&>(item).shard_class == ShardClass::media;
}

// One thread runs run(); submit and stop may be called from any thread. Tests and recovery call step and the restore
// functions instead, on one thread.
class Sequencer final : private SequencerView {
public:
    explicit Sequencer(Store& store) : store_(store), lane_(store, [this] { note_lane_done(); }) {}

    // Queues the item; runs its wakeup at once when the item is refused.
    void submit(QueueItem& item);
    // After this call submit refuses, and run returns once the queue is empty.
    void stop();

    void run();
    // Large batches are written by threads of their own, not by step(). Before run().
    void use_lane_threads() { lane_.use_threads(); }
    // Writes one group of queued items. False if the queue was empty.
    bool step();
    // Writes a group without records that states that everything before it is durable.
    void write_mark(std::uint16_t flags);

    // Recovery: sets the state of a shard from a checkpoint.
    void restore_shard(const CheckpointShard& state);
    void restore_commands(std::uint64_t next_command, Lsn last_command, TimestampMs last_now);
    // Recovery: a data frame of the journal. False if its shard does not exist.
    bool replay_data(FramePtr frame);
    // Recovery: a data frame that a reference stands for.
    void replay_direct(FramePtr frame, const SegmentReference& reference, Lsn lsn);
    // has_effects: false for a command that the checkpoint covers already.
    void replay_command(Lsn lsn, const CommandBody& body, bool has_effects);
    void replay_trim(ShardUid shard, SeqIx first_available);
    // Recovery: everything before lsn was replayed; passes it to the flusher.
    void replay_end(Lsn lsn, std::uint64_t generation);
    // Recovery: marks the numbers from..to-1 of the shard as lost. reference: their frame is at its place, but damaged.
    void mark_damaged(ShardUid shard, SeqIx from, SeqIx to, const SegmentReference& reference = {});
    void skip_commands(std::uint64_t next_command) { next_command_ = next_command; }
    [[nodiscard]] std::uint64_t next_command() const { return next_command_; }
    // Recovery: the newest time of a command, and of a record in a shard that exists.
    [[nodiscard]] TimestampMs newest_time() const;
    [[nodiscard]] ShardPtr find_shard(ShardUid uid) const;

private:
    // A frame of the group being built.
    struct Placed {
        FrameKind kind = FrameKind::data;
        ShardPtr shard;
        FramePtr frame;
        SegmentReference reference;
        Lsn lsn;  // of the reference
        SeqIx trim;
        ShardEffects effects;
        std::vector<ShardPtr> affected;  // the shards of the effects, in their order
    };
    struct Completion {
        core::Core* core;
        bool is_ahead;
        core::Wakeup* first;
        core::Wakeup* last;
    };

    SeqIx next_seq(ShardUid shard) const override;
    TimestampMs last_arrival(ShardUid shard) const override;

    // The queue.
    void take_queued();
    bool wait_for_work();
    void refuse(QueueItem& item, LogError error);
    static void set_error(QueueItem& item, LogError error);

    // Large batches, which go to their segments directly (sequencer_direct.cc).
    [[nodiscard]] bool is_direct_allowed() const;
    bool goes_to_lane(const QueueItem& item) const;
    // Whether the item has to be placed behind what the lane writes.
    bool waits_for_lane(const QueueItem& item) const;
    void hold(QueueItem& item);
    void release(QueueItem& item);
    // Gives the lane the held requests that are worth it. True if others came back to the lists, to be journaled.
    bool begin_job();
    void sum_held();
    [[nodiscard]] bool is_worth_it(const Shard& shard) const;
    enum class Lot : std::uint8_t { job, journal, wait };
    Lot lot_of(const AppendRequest& request, const DirectJob& job);
    void add_to_job(AppendRequest& request, DirectJob& job);
    void keep_out(const AppendRequest& request, DirectWrites::Choice choice);
    DirectRun& run_of(const ShardPtr& shard, DirectJob& job);
    void send_back(QueueItem* items);
    // Waits for the lane, and orders the references to the batches it wrote.
    void finish_job();
    void forget_job(DirectJob& job);
    void refuse_job(DirectJob& job, LogError error);
    void place_reference(const DirectRun& run, DirectFrame& direct);
    void leave_direct(Shard& shard, std::size_t bytes);
    bool delete_leftover(Shard& shard);
    void note_lane_done();

    // Building a group.
    void build_group();
    // Places items from the front of the list until the group has bytes_max. False when the group has to be written
    // first.
    bool place_front(QueueItem*& list, std::size_t bytes_max, bool& is_stuck);
    // Rolls the journal, if need be, so that an empty group may grow to `size`.
    bool make_room(std::size_t size);
    // False for records that would use up the reserve of a full volume's journal.
    bool leaves_reserve(std::size_t size) const;
    // The memory that the staged frames and the item will take in the tail cache, at most.
    [[nodiscard]] std::size_t memory_needed(const QueueItem& item) const;
    // Waits for the flusher when too many records are in memory. False: still no memory after the wait.
    bool make_memory(const QueueItem& item);
    std::size_t effects_size_max(const CommandRequest& request) const;
    // False for an item that fits into no journal file.
    bool can_ever_fit(const QueueItem& item) const;
    std::size_t room_needed(const QueueItem& item) const;
    std::size_t room_needed(std::size_t bytes, std::size_t frames) const;
    void place(QueueItem& item);
    void place_append(AppendRequest& request);
    void place_command(CommandRequest& request);
    void place_trim(TrimRequest& request);
    FrameHeader next_header(FrameKind kind) const;
    void note_frame(const FrameHeader& header, std::size_t offset);
    void put_frame(FrameHeader header, std::size_t body_size, std::byte* body);
    void put_trailer(FrameKind kind, std::uint16_t flags);
    std::vector<ShardPtr> apply_locally(const ShardEffects& effects);

    // Ending a group.
    bool write_group();
    io::IoResult<void> write_when_space();
    bool sync_commands();
    void sync_if_due();
    void publish_group();
    void publish_effects(const ShardEffects& effects, const std::vector<ShardPtr>& affected);
    void publish_trim(ShardPtr shard, SeqIx first_available);
    void publish_dropped(const ShardPtr& shard);
    void publish_data(ShardPtr shard, FramePtr frame);
    void publish_direct(ShardPtr shard, FramePtr frame, const SegmentReference& reference, Lsn lsn);
    void publish_frame(Shard& shard, const FramePtr& frame);
    FlushEvent group_end() const;
    void complete_group(bool is_durable);
    // is_ahead: it passes the core's queue of wakeups.
    void wake_later(core::Core* core, core::Wakeup* wakeup, bool is_ahead);
    void wake_all();

    Store& store_;

    Mutex mutex_;
    Condition more_;
    QueueItem* head_ GUARDED_BY(mutex_) = nullptr;
    QueueItem* tail_ GUARDED_BY(mutex_) = nullptr;
    bool stopping_ GUARDED_BY(mutex_) = false;
    bool waiting_ GUARDED_BY(mutex_) = false;
    bool is_lane_done_ GUARDED_BY(mutex_) = false;

    // Used by the sequencer's thread only.
    std::unordered_map<ShardUid, ShardPtr> shards_;  // with effects that readers do not see yet
    QueueItem* pending_ = nullptr;                   // items taken from the queue and not yet placed, without media
    QueueItem* media_ = nullptr;                     // media items, likewise
    QueueItem** media_end_ = &media_;
    QueueItem* held_ = nullptr;  // requests that wait for the direct lane
    QueueItem** held_end_ = &held_;
    std::size_t returned_ = 0;           // items at the front of the lists that came back from held_
    std::size_t small_jobs_ = 0;         // in a row, of less than large_bytes_min
    bool is_job_out_of_memory_ = false;  // the job that is composed has waited for memory in vain
    std::size_t lane_bytes_ = 0;         // memory of the lane's job
    std::size_t group_direct_bytes_ = 0;
    MonotonicNs direct_paused_until_;
    std::vector<ShardPtr> choosing_;  // shards of held requests, while a job is composed
    std::uint64_t next_command_ = 1;
    Lsn last_command_;
    TimestampMs last_command_now_;
    Lsn durable_lsn_;
    bool is_marked_ = true;  // no group was written since the last mark
    bool is_synced_ = true;  // written groups are synced; for the durabilities that sync later
    MonotonicNs last_sync_;
    mutable std::vector<ShardFact> facts_;  // the answers of SequencerView so far

    // The group.
    Staging staging_;
    std::vector<Placed> placed_;
    Trailer trailer_;
    QueueItem* group_items_ = nullptr;
    QueueItem** group_items_end_ = &group_items_;
    bool has_command_ = false;
    bool has_trim_ = false;
    TimestampMs now_;
    std::vector<FlushEvent> events_;
    std::vector<Completion> completions_;
    Waiter* woken_ = nullptr;
    DirectLane lane_;  // the last member: its thread ends first
};

}  // namespace riacho::log::detail
