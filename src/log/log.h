// The record log of one data directory: durable appends to shards and commands, all in one order; reads from memory or
// disk. Knows neither Kinesis nor the catalog.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "core/fwd.h"
#include "core/task_fwd.h"
#include "io/fwd.h"
#include "log/applier.h"
#include "log/directory.h"
#include "log/frame.h"
#include "log/fwd.h"
#include "log/types.h"

namespace riacho::log {

struct Options {
    std::string directory;  // set by Log::open
    Durability durability = Durability::sync;
    std::int64_t interval_ms = 100;  // for Durability::interval
    std::size_t cache_bytes = 256U << 20;
    std::size_t journal_file_bytes = 64U << 20;  // a multiple of 4096, at least 20 MiB outside tests
    std::size_t journal_files_max = 8;           // the pool; at least 3
    std::size_t first_file_bytes = 1U << 20;     // of a new store, so that it starts at once
    std::size_t segment_bytes = 64U << 20;
    std::int64_t segment_age_ms_max = 3'600'000;
    std::size_t segment_direct_bytes_min = 256U << 10;  // writes of fewer bytes go through the page cache
    std::int64_t checkpoint_interval_ms = 5'000;
    std::size_t checkpoint_bytes = 64U << 20;  // a checkpoint after that many bytes at the latest
    std::int64_t retention_slack_ms = 3'600'000;
    // A write waits so long for journal space before it is refused (or, when its group is half written, before the
    // disk counts as failed).
    std::int64_t space_wait_ms = 2'000;
    std::size_t open_files_max = 128;  // segments kept open
    // Called once, from a thread of the log, when the disk has failed: no append will ever succeed again. Must not
    // call back into the log.
    std::function<void(std::string_view reason)> on_failure;
};

struct ShardBatch {
    ShardUid shard;
    Batch batch;
    Expected<Appended, LogError> result = fail(LogError::shutting_down);  // set by the log
};

// Something in the sequencer's queue. Intrusive; stays where it is until its wakeup runs.
struct QueueItem {
    enum class Kind : std::uint8_t { append, command, trim };
    explicit QueueItem(Kind k) : kind(k) {}
    const Kind kind;
    core::Core* core = nullptr;  // where the wakeup runs; null: on the sequencer thread itself
    core::Wakeup* wakeup = nullptr;
    // The log's own.
    QueueItem* next = nullptr;
    std::size_t bytes = 0;
    std::size_t frames = 0;
};

// The batches of one client request, in memory of the caller's.
struct AppendRequest : QueueItem {
    AppendRequest() : QueueItem(Kind::append) {}
    std::span<ShardBatch> batches;
};

struct CommandResult {
    bool accepted = false;
    Lsn lsn;  // of an accepted command
    std::string reply;
};

// A part of one frame.
struct FrameSlice {
    std::shared_ptr<const Frame> frame;
    const std::byte* at = nullptr;  // where its first record starts
    SeqIx first;
    std::uint32_t count = 0;
    [[nodiscard]] RecordRange records() const { return RecordIterator(at, first, frame->arrival(), count); }
};

struct ReadResult {
    std::vector<FrameSlice> slices;
    std::uint32_t record_count = 0;
    std::size_t payload_bytes = 0;
    SeqIx next;           // where the next read goes on
    bool at_tip = false;  // nothing visible is left from `next` on
    bool closed = false;  // with at_tip: and nothing will ever come
    // Of the record at `next`, unless at_tip. An estimate on the early side when that record is only on disk.
    std::optional<TimestampMs> next_arrival;
};

// Someone who wants to hear when a shard's visible end moves or the shard is closed or dropped. Intrusive and one-shot.
struct Waiter {
    core::Core* core = nullptr;
    core::Wakeup* wakeup = nullptr;
    // The log's own.
    Waiter* next = nullptr;
    Waiter** link = nullptr;
    std::shared_ptr<void> shard;
};

struct Stats {
    Durability durability = Durability::sync;
    StoreState state = StoreState::ok;
    std::string failure;  // why, when failed
    bool direct_io = false;
    Lsn durable_lsn;
    Lsn checkpoint_lsn;
    std::size_t queue_frames = 0;
    std::size_t queue_bytes = 0;
    std::uint64_t groups = 0;
    std::uint64_t frames = 0;
    std::uint64_t records = 0;
    std::uint64_t payload_bytes = 0;
    std::uint64_t journal_bytes = 0;  // written, with headers and padding
    std::uint64_t segment_bytes = 0;
    std::uint64_t checkpoints = 0;
    std::int64_t last_sync_us = 0;
    std::size_t cached_bytes = 0;
    std::size_t dirty_bytes = 0;  // of them, not yet covered by a checkpoint
    std::uint64_t reads_from_cache = 0;
    std::uint64_t reads_from_disk = 0;
    std::size_t journal_files = 0;
    std::size_t shards = 0;
    std::size_t damaged_shards = 0;
    std::uint64_t recovery_truncated_bytes = 0;
    std::uint64_t recovery_replayed_bytes = 0;
    std::int64_t recovery_us = 0;
};

// Thread-safe: every method may be called from any thread. Owned by the composition root; the cores whose wakeups are
// queued must outlive it. Starts its threads in open and ends them in close.
class Log {
public:
    // Recovers what the directory holds, or makes it; replays commands to the applier. The directory outlives the log.
    static Expected<std::unique_ptr<Log>, OpenError> open(Options options, const Directory& directory,
                                                          core::Clock& clock, core::Rng& rng, CommandApplier& applier);
    // Closes first when that was not done.
    ~Log();
    Log(const Log&) = delete;
    Log& operator=(const Log&) = delete;

    // Durable (as Options::durability says) and visible to readers when it returns. The write goes on even if the
    // caller goes away.
    Task<Expected<Appended, LogError>> append(core::Core& core, ShardUid shard, Batch batch);
    // The same for several shards, with one wait; results in the order of the batches. Each succeeds or fails alone.
    Task<std::vector<Expected<Appended, LogError>>> append_all(core::Core& core, std::vector<ShardBatch> batches);
    // What the two stand on. The wakeup is always given back, also when the queue is full. Results are in the batches.
    void enqueue(AppendRequest& request);

    // Gives a command its place. Returns when it is durable and the applier has been told; for a rejected one, when
    // everything the rejection was based on is durable.
    Task<Expected<CommandResult, LogError>> submit(core::Core& core, std::string command);
    // The same, blocking; for start-up, never on a core.
    Expected<CommandResult, LogError> submit_and_wait(std::string command);

    // Nothing for a shard that does not exist (or does not yet: creation is visible once durable).
    [[nodiscard]] std::optional<ShardState> find(ShardUid shard) const;

    // Visible records from `from` on with an arrival time of at least `horizon`. `from` may lie before the first
    // available record. Completes at once when the tail cache has them, else after reading on a disk thread.
    Task<Expected<ReadResult, LogError>> read(core::Core& core, ShardUid shard, SeqIx from, ReadLimits limits,
                                              TimestampMs horizon);
    // The first visible record with an arrival time of at least `at`; the shard's next number if there is none.
    Task<Expected<SeqIx, LogError>> find_by_time(core::Core& core, ShardUid shard, TimestampMs at);

    // Registers the waiter unless there is already something to see beyond `seen` (or the shard is closed or unknown):
    // then returns false and the wakeup is not used.
    bool arm(ShardUid shard, SeqIx seen, Waiter& waiter);
    // True if the waiter was still armed: its wakeup will not run. False: it has run or is about to.
    bool disarm(Waiter& waiter);

    // From now on whole segments whose records are all older than this (plus Options::retention_slack_ms) are deleted.
    // Not stored: whoever knows the retention says it again after open. Visibility is the reader's `horizon`.
    void set_retention(ShardUid shard, std::int64_t retention_ms);

    [[nodiscard]] Stats stats() const;
    // Durations of the groups' durable writes.
    [[nodiscard]] const core::Histogram& sync_histogram() const;

    // Refuses new work, finishes what is queued, writes everything to segments and marks the store as cleanly shut
    // down. Idempotent; blocking.
    void close();

private:
    struct Impl;
    explicit Log(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

}  // namespace riacho::log
