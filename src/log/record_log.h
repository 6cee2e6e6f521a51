// RecordLog: durable records by shard, and reading them. Knows neither Kinesis nor where the records are.
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
    ShardClass shard_class = ShardClass::records;  // of all the shards
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
    // Of records that were read from disk.
    core::MemoryLease memory;
};

// Waits until a shard's visible end moves or the shard is closed or dropped. Intrusive and one-shot.
struct Waiter {
    core::Core* core = nullptr;
    core::Wakeup* wakeup = nullptr;
    // The log's own.
    Waiter* next = nullptr;
    Waiter** link = nullptr;
    std::shared_ptr<void> shard;
};

// Thread-safe: every method may be called from any thread. Callers end before the log is closed.
class RecordLog {
public:
    virtual ~RecordLog() = default;
    RecordLog(const RecordLog&) = delete;
    RecordLog& operator=(const RecordLog&) = delete;

    // Durable (as the log's durability says) and visible to readers when it returns. The write goes on even if the
    // caller goes away. shard_class is the shard's own.
    Task<Expected<Appended, LogError>> append(core::Core& core, ShardUid shard, Batch batch,
                                              ShardClass shard_class = ShardClass::records);
    // The same for several shards of one class, with one wait; results in the order of the batches. Each succeeds or
    // fails alone.
    Task<std::vector<Expected<Appended, LogError>>> append_all(core::Core& core, std::vector<ShardBatch> batches,
                                                               ShardClass shard_class = ShardClass::records);
    // What the two stand on. The wakeup is always given back, also when the queue is full. Results are in the batches.
    virtual void enqueue(AppendRequest& request) = 0;

    // Visible records from `from` on with an arrival time of at least `horizon`. `from` may lie before the first
    // available record. Completes at once when they are in memory, else after reading on another thread.
    virtual Task<Expected<ReadResult, LogError>> read(core::Core& core, ShardUid shard, SeqIx from, ReadLimits limits,
                                                      TimestampMs horizon) = 0;
    // The first visible record with an arrival time of at least `at`; the shard's next number if there is none.
    virtual Task<Expected<SeqIx, LogError>> find_by_time(core::Core& core, ShardUid shard, TimestampMs at) = 0;

    // LogError::unknown_shard for a shard that does not exist (or does not yet: creation is visible once durable).
    virtual Task<Expected<ShardState, LogError>> state(core::Core& core, ShardUid shard) = 0;
    // The bytes of a shard's records where they are kept, with what surrounds them. The first call for a shard may look
    // at each of its files.
    virtual Task<Expected<std::uint64_t, LogError>> stored_bytes(core::Core& core, ShardUid shard) = 0;
    // The state as this process last knew it, without I/O: for metrics, not for decisions.
    [[nodiscard]] virtual std::optional<ShardState> last_known(ShardUid shard) const = 0;

    // Registers the waiter unless there is already something to see beyond `seen` (or the shard is closed or unknown):
    // then returns false and the wakeup is not used.
    virtual bool arm(ShardUid shard, SeqIx seen, Waiter& waiter) = 0;
    // True if the waiter was still armed: its wakeup will not run. False: it has run or is about to.
    virtual bool disarm(Waiter& waiter) = 0;

    // From now on records that are all older than this (plus a slack of the log's) are deleted, in units of the log's.
    // Their age is what Clock::ago says. Not stored: has to be set again after a start. Visibility is the reader's
    // `horizon`.
    virtual void set_retention(ShardUid shard, std::int64_t retention_ms) = 0;

protected:
    RecordLog() = default;
};

}  // namespace riacho::log
