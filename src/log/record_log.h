// RecordLog: appends and reads durable records by shard. Independent of Kinesis and of the storage of records.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "base/result.h"
#include "core/fwd.h"
#include "core/memory_budget.h"
#include "core/task_fwd.h"
#include "log/frame.h"
#include "log/fwd.h"
#include "log/types.h"

namespace riacho::log {

struct ShardBatch {
    ShardUid shard;
    Batch batch;
    Expected<Appended, LogError> result = fail(LogError::shutting_down);  // set by the log
};

// An item of the sequencer's queue. Intrusive; must not move until its wakeup runs.
struct QueueItem {
    enum class Kind : std::uint8_t { append, command, trim };
    explicit QueueItem(Kind k) : kind(k) {}
    const Kind kind;
    core::Core* core = nullptr;  // the core on which the wakeup runs; null: on the sequencer thread itself
    core::Wakeup* wakeup = nullptr;
    // Used by the log.
    QueueItem* next = nullptr;
    std::size_t bytes = 0;
    std::size_t frames = 0;
    bool is_journaled = false;  // its batches do not go to their segments directly
};

// The batches of one client request, in memory owned by the caller.
struct AppendRequest : QueueItem {
    AppendRequest() : QueueItem(Kind::append) {}
    std::span<ShardBatch> batches;
    ShardClass shard_class = ShardClass::records;  // class of all the shards
};

// A part of one frame.
struct FrameSlice {
    std::shared_ptr<const Frame> frame;
    const std::byte* at = nullptr;  // start of its first record
    SeqIx first;
    std::uint32_t count = 0;
    [[nodiscard]] RecordRange records() const { return RecordIterator(at, first, frame->arrival(), count); }
};

struct ReadResult {
    std::vector<FrameSlice> slices;
    std::uint32_t record_count = 0;
    std::size_t payload_bytes = 0;
    SeqIx next;           // start of the next read
    bool at_tip = false;  // no record is visible from `next` on
    bool closed = false;  // with at_tip: no further record will come
    // Arrival time of the record at `next`, unless at_tip. May be too early when that record is only on disk.
    std::optional<TimestampMs> next_arrival;
    // Memory of records that were read from disk.
    core::MemoryLease memory;
};

// Waits until a shard's visible end moves or the shard is closed or dropped. Intrusive and one-shot.
struct Waiter {
    core::Core* core = nullptr;
    core::Wakeup* wakeup = nullptr;
    // Used by the log.
    Waiter* next = nullptr;
    Waiter** link = nullptr;
    std::shared_ptr<void> shard;
};

// Thread-safe: every method may be called from any thread. All calls must end before the log is closed.
class RecordLog {
public:
    virtual ~RecordLog() = default;
    RecordLog(const RecordLog&) = delete;
    RecordLog& operator=(const RecordLog&) = delete;

    // Appends a batch, which is durable (as the log's durability defines it) and visible to readers when the task
    // completes. The write goes on even if the caller goes away. shard_class must be the shard's class.
    Task<Expected<Appended, LogError>> append(core::Core& core, ShardUid shard, Batch batch,
                                              ShardClass shard_class = ShardClass::records);
    // As append(), for several shards of one class, with one wait; results in the order of the batches. Each batch
    // succeeds or fails alone.
    Task<std::vector<Expected<Appended, LogError>>> append_all(core::Core& core, std::vector<ShardBatch> batches,
                                                               ShardClass shard_class = ShardClass::records);
    // The basis of append and append_all. The wakeup always runs, also when the queue is full. Results are in the
    // batches.
    virtual void enqueue(AppendRequest& request) = 0;

    // Visible records from `from` on with an arrival time of at least `horizon`. `from` may lie before the first
    // available record. Completes at once when they are in memory, else after reading on another thread.
    virtual Task<Expected<ReadResult, LogError>> read(core::Core& core, ShardUid shard, SeqIx from, ReadLimits limits,
                                                      TimestampMs horizon) = 0;
    // The first visible record with an arrival time of at least `at`; the shard's next number if there is none.
    virtual Task<Expected<SeqIx, LogError>> find_by_time(core::Core& core, ShardUid shard, TimestampMs at) = 0;

    // LogError::unknown_shard for a shard that does not exist (or does not yet: creation is visible once durable).
    virtual Task<Expected<ShardState, LogError>> state(core::Core& core, ShardUid shard) = 0;
    // The size of a shard's records, including framing. The first call for a shard may read every one of its files.
    virtual Task<Expected<std::uint64_t, LogError>> stored_bytes(core::Core& core, ShardUid shard) = 0;
    // The state last known to this process, without I/O: for metrics, not for decisions.
    [[nodiscard]] virtual std::optional<ShardState> last_known(ShardUid shard) const = 0;

    // Registers the waiter; returns false, without using its wakeup, if there is already a record beyond `seen`, or the
    // shard is closed or unknown.
    virtual bool arm(ShardUid shard, SeqIx seen, Waiter& waiter) = 0;
    // True if the waiter was still armed: its wakeup will not run. False: it has run or is about to.
    virtual bool disarm(Waiter& waiter) = 0;

    // Deletes from now on records older than retention_ms plus retention_slack_ms, whole segments at a time. Clock::ago
    // defines their age. Not stored: must be set again after a start. Visibility depends on the reader's `horizon`
    // instead.
    virtual void set_retention(ShardUid shard, std::int64_t retention_ms) = 0;

protected:
    RecordLog() = default;
};

}  // namespace riacho::log
