// LocalLog: the log of one data directory. Appends of records and commands share one order, in a journal; reads come
// from memory or from segments.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "core/fwd.h"
#include "core/task_fwd.h"
#include "io/fwd.h"
#include "log/applier.h"
#include "log/command_log.h"
#include "log/directory.h"
#include "log/record_log.h"
#include "log/types.h"

namespace riacho::log {

struct Options {
    std::string directory;  // set by LocalLog::open
    Durability durability = Durability::sync;
    std::int64_t interval_ms = 100;        // for Durability::interval
    std::size_t cache_bytes = 256U << 20;  // records kept in memory after a checkpoint
    // Maximum size of records in memory, including those that no checkpoint covers yet: above it appends wait for the
    // flusher, and are refused (overloaded) when it frees none in time. At least cache_bytes plus the size of a
    // request.
    std::size_t cached_bytes_max = SIZE_MAX;
    std::size_t queue_bytes_max = 64U << 20;  // appends waiting for the sequencer; at least a request
    // Budget for records that are read from disk (MemoryUse::reads); null: unlimited. Outlives the log.
    core::MemoryBudget* memory = nullptr;
    std::size_t journal_file_bytes = 64U << 20;  // a multiple of 4096, at least 20 MiB outside tests
    std::size_t journal_files_max = 8;           // the size of the pool; at least 3
    std::size_t first_file_bytes = 1U << 20;     // size of a new store's first file; small for a quick start
    std::size_t segment_bytes = 64U << 20;
    std::int64_t segment_age_ms_max = 3'600'000;
    std::size_t segment_direct_bytes_min = 256U << 10;  // writes of fewer bytes go through the page cache
    // Durability::sync: large batches are written to their segments only, and the journal refers to them, when so many
    // bytes of them wait at the same time, and a third of that for each shard. SIZE_MAX: never.
    std::size_t large_bytes_min = 768U << 10;
    // A shard that went back to the journal writes so many bytes of large batches there before it gets a new segment
    // for them: this bounds the number of segments.
    std::size_t large_bytes_again = 16U << 20;
    std::int64_t checkpoint_interval_ms = 5'000;
    std::size_t checkpoint_bytes = 64U << 20;  // a checkpoint after that many bytes at the latest
    std::int64_t retention_slack_ms = 3'600'000;
    // The time a write waits for journal space before it is refused (or, when its group is partly written, before the
    // disk counts as failed).
    std::int64_t space_wait_ms = 2'000;
    std::size_t open_files_max = 128;  // segments kept open
    // Called by open() for each frame that it replays: a start that reads a long journal is not one that hangs.
    std::function<void()> on_replay;
    // Called once, from a thread of the log, when the disk has failed: no later append will succeed. Must not call back
    // into the log.
    std::function<void(std::string_view reason)> on_failure;
};

struct Stats {
    Durability durability = Durability::sync;
    StoreState state = StoreState::ok;
    std::string failure;  // the reason of the failed state
    bool direct_io = false;
    Lsn durable_lsn;
    Lsn checkpoint_lsn;
    std::size_t queue_frames = 0;
    std::size_t queue_bytes = 0;
    std::size_t queue_media_bytes = 0;  // part of queue_bytes
    std::uint64_t groups = 0;
    std::uint64_t frames = 0;
    std::uint64_t records = 0;
    std::uint64_t payload_bytes = 0;
    std::uint64_t journal_bytes = 0;  // bytes written, with headers and padding
    std::uint64_t segment_bytes = 0;
    std::uint64_t checkpoints = 0;
    std::int64_t last_sync_us = 0;
    std::size_t cached_bytes = 0;
    std::size_t cached_media_bytes = 0;  // part of cached_bytes
    std::size_t dirty_bytes = 0;         // part of cached_bytes not yet covered by a checkpoint
    std::uint64_t reads_from_cache = 0;
    std::uint64_t reads_from_disk = 0;
    std::size_t journal_files = 0;
    std::size_t shards = 0;
    std::size_t damaged_shards = 0;
    std::uint64_t recovery_truncated_bytes = 0;
    std::uint64_t recovery_replayed_bytes = 0;
    std::int64_t recovery_us = 0;
};

// Thread-safe. Owned by the composition root, which alone names this type; the cores whose wakeups are queued must
// outlive it. Starts its threads in open and ends them in close.
class LocalLog final : public RecordLog, public CommandLog {
public:
    // Recovers the store in the directory, or creates it; replays commands to the applier. The directory outlives the
    // log.
    static Expected<std::unique_ptr<LocalLog>, OpenError> open(Options options, const Directory& directory,
                                                               core::Clock& clock, core::Rng& rng,
                                                               CommandApplier& applier);
    // Calls close() first.
    ~LocalLog() override;

    void enqueue(AppendRequest& request) override;
    Task<Expected<ReadResult, LogError>> read(core::Core& core, ShardUid shard, SeqIx from, ReadLimits limits,
                                              TimestampMs horizon) override;
    Task<Expected<SeqIx, LogError>> find_by_time(core::Core& core, ShardUid shard, TimestampMs at) override;
    Task<Expected<ShardState, LogError>> state(core::Core& core, ShardUid shard) override;
    Task<Expected<std::uint64_t, LogError>> stored_bytes(core::Core& core, ShardUid shard) override;
    [[nodiscard]] std::optional<ShardState> last_known(ShardUid shard) const override;
    bool arm(ShardUid shard, SeqIx seen, Waiter& waiter) override;
    bool disarm(Waiter& waiter) override;
    void set_retention(ShardUid shard, std::int64_t retention_ms) override;

    Task<Expected<CommandResult, LogError>> submit(core::Core& core, std::string command) override;
    Expected<CommandResult, LogError> submit_and_wait(std::string command) override;

    // The newest time of a record or command that open() found; 0 in a new store. The clock given to open() must not
    // fall behind it.
    [[nodiscard]] TimestampMs recovered_time() const;

    [[nodiscard]] Stats stats() const;
    // Durations of the groups' durable writes.
    [[nodiscard]] const core::Histogram& sync_histogram() const;

    // Refuses new work, finishes queued work, writes everything to segments and marks the store as cleanly shut down.
    // Idempotent; blocking.
    void close();

private:
    struct Impl;
    explicit LocalLog(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

}  // namespace riacho::log
