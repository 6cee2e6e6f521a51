// Store: shared state of the sequencer, the flusher and the readers of one log.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "core/clock.h"
#include "core/metrics.h"
#include "core/throttle.h"
#include "io/file_system.h"
#include "log/applier.h"
#include "log/detail/journal.h"
#include "log/detail/segments.h"
#include "log/detail/shard.h"
#include "log/directory.h"
#include "log/local_log.h"

namespace riacho::log::detail {

// An event from the sequencer to the flusher, in journal order.
struct FlushEvent {
    enum class Kind : std::uint8_t { data, direct, create, close, drop, trim, damage, group_end };
    Kind kind = Kind::data;
    ShardPtr shard;
    FramePtr frame;              // data, direct
    SegmentReference reference;  // direct; damage: set if the frame is at its place in a segment, but damaged
    SeqIx seq;                   // trim: the first record that stays; damage: the first lost record
    SeqIx seq_end;               // damage: one after the last lost record
    Lsn lsn;                     // direct: of the reference
    // group_end, with lsn:
    std::uint64_t generation = 0;
    std::uint64_t next_command = 0;
    Lsn last_command;
    TimestampMs last_command_now;
};

// Events from the sequencer to the flusher. Bounded by the journal: queued events are in a journal file that cannot be
// recycled yet.
class FlushQueue {
public:
    // Moves the events out of `events`.
    void push(std::vector<FlushEvent>& events, std::size_t bytes) {
        const MutexLock lock(mutex_);
        const bool was_empty = events_.empty();
        if (was_empty) {
            events_.swap(events);
        } else {
            events_.insert(events_.end(), std::make_move_iterator(events.begin()),
                           std::make_move_iterator(events.end()));
        }
        events.clear();
        const bool was_small = bytes_ < eager_bytes;
        bytes_ += bytes;
        if (was_empty || (was_small && bytes_ >= eager_bytes)) more_.notify_one();
    }
    std::vector<FlushEvent> take() {
        const MutexLock lock(mutex_);
        bytes_ = 0;
        return std::exchange(events_, {});
    }
    // Waits for events, at most span_ms, and then for more of them, at most gather_ms, so that one write covers more.
    void wait(std::int64_t span_ms, std::int64_t gather_ms) {
        const MutexLock lock(mutex_);
        if (events_.empty() && !stopping_ && !hurried_) more_.wait_for_ms(mutex_, span_ms);
        if (!events_.empty() && bytes_ < eager_bytes && !stopping_ && !hurried_) more_.wait_for_ms(mutex_, gather_ms);
        hurried_ = false;
    }
    // Ends the current wait at once.
    void hurry() {
        const MutexLock lock(mutex_);
        hurried_ = true;
        more_.notify_one();
    }
    void stop() {
        const MutexLock lock(mutex_);
        stopping_ = true;
        more_.notify_all();
    }
    [[nodiscard]] bool is_stopping() const {
        const MutexLock lock(mutex_);
        return stopping_;
    }

private:
    static constexpr std::size_t eager_bytes = 1 << 20;
    mutable Mutex mutex_;
    Condition more_;
    std::vector<FlushEvent> events_ GUARDED_BY(mutex_);
    std::size_t bytes_ GUARDED_BY(mutex_) = 0;
    bool stopping_ GUARDED_BY(mutex_) = false;
    bool hurried_ GUARDED_BY(mutex_) = false;
};

struct Counters {
    std::atomic<std::uint64_t> durable_lsn{0};
    std::atomic<std::uint64_t> checkpoint_lsn{0};
    std::atomic<std::size_t> queue_frames{0};
    std::atomic<std::size_t> queue_bytes{0};
    std::atomic<std::size_t> queue_media_bytes{0};
    std::atomic<std::uint64_t> groups{0};
    std::atomic<std::uint64_t> frames{0};
    std::atomic<std::uint64_t> records{0};
    std::atomic<std::uint64_t> payload_bytes{0};
    std::atomic<std::uint64_t> journal_bytes{0};
    std::atomic<std::uint64_t> checkpoints{0};
    std::atomic<std::int64_t> last_sync_us{0};
    std::atomic<std::size_t> cached_bytes{0};
    std::atomic<std::size_t> cached_media_bytes{0};
    std::atomic<std::size_t> dirty_bytes{0};
    std::atomic<std::uint64_t> reads_from_cache{0};
    std::atomic<std::uint64_t> reads_from_disk{0};
    std::atomic<std::size_t> damaged_shards{0};
    std::atomic<std::uint64_t> recovery_truncated_bytes{0};
    std::atomic<std::uint64_t> recovery_replayed_bytes{0};
    std::atomic<std::int64_t> recovery_us{0};
    core::Histogram sync;
};

struct Store {
    Store(Options given, io::FileSystem& file_system, core::Clock& the_clock, CommandApplier& the_applier)
        : options(std::move(given)),
          fs(file_system),
          clock(the_clock),
          applier(the_applier),
          journal(fs, options),
          segments(fs, options.directory,
                   {.open_files_max = options.open_files_max,
                    .segment_bytes = options.segment_bytes,
                    .segment_age_ms_max = options.segment_age_ms_max,
                    .direct_bytes_min = options.segment_direct_bytes_min}) {}

    const Options options;
    const Directory* directory = nullptr;  // watched for removal and replacement, if set
    io::FileSystem& fs;
    core::Clock& clock;
    CommandApplier& applier;
    StoreUuid uuid{};
    Journal journal;
    SegmentStore segments;
    ShardTable shards;
    FlushQueue flush_queue;
    Counters counters;
    TimestampMs recovered_time;  // see LocalLog::recovered_time; written only by recovery

    // Marks the disk as failed, for good. Logs the first reason.
    void poison(std::string_view reason);
    [[nodiscard]] bool is_poisoned() const { return poisoned_.load(std::memory_order_acquire); }
    [[nodiscard]] std::string failure() const;
    [[nodiscard]] StoreState state() const;

    // Notes the outcome of a writer's last attempt: a full volume or too many open files, or neither (null). Logged
    // when a shortage begins, and once a minute while it lasts. Each writer is one thread.
    enum class Writer : std::uint8_t { sequencer, flusher, spares };
    void note_shortage(Writer writer, const io::IoError* error);
    [[nodiscard]] bool is_out_of_space() const {
        return std::ranges::any_of(shortages_, [](const Shortage& s) { return s.is_out_of_space.load(); });
    }
    [[nodiscard]] bool is_low() const { return low_.load(std::memory_order_relaxed); }
    void sample_space();
    // Whether a spare journal file is to be made now. A spare beyond the first must not take the space without which
    // appends are refused.
    [[nodiscard]] bool wants_spare() const;

    // Reports damage met by a read: logged once for each place; the shard counts as damaged until the lost records
    // would have been trimmed.
    LogError report(Shard& shard, const ReadFailure& failure);
    // Resets the damage of a shard that was dropped or whose damaged records were trimmed.
    void forget_damage(Shard& shard) REQUIRES(shard.mutex);

    // Makes a durable frame visible: appends it to the shard's tail. The shard's waiters are moved to `woken`.
    void publish(Shard& shard, FramePtr frame, Waiter*& woken);
    // Returns the shard's first available record after the trim.
    SeqIx publish_trim(Shard& shard, SeqIx first_available);
    void publish_closed(Shard& shard, Waiter*& woken);
    // Subtracts frames that have left the cache from the counters.
    void note_uncached(const Shard& shard, std::size_t bytes) {
        counters.cached_bytes -= bytes;
        if (shard.shard_class == ShardClass::media) counters.cached_media_bytes -= bytes;
    }
    // Removes a frame from the front of the tail if it is still there.
    void evict(Shard& shard, SeqIx first, std::size_t bytes);

    // Whether `bytes` more bytes of records may be kept in memory.
    [[nodiscard]] bool has_memory(std::size_t bytes) const {
        return bytes <= options.cached_bytes_max && counters.cached_bytes <= options.cached_bytes_max - bytes;
    }
    // Wakes the flusher and waits at most span_ms for it to free memory.
    bool wait_for_memory(std::size_t bytes, std::int64_t span_ms);
    // Called after the flusher has evicted all it could.
    void note_memory_freed();
    [[nodiscard]] bool is_memory_wanted() const { return memory_wanted_.load(std::memory_order_relaxed); }

private:
    // Less free space than this is low.
    static std::uint64_t low_mark(const io::SpaceInfo& space);
    // The low state ends a little above the mark at which it begins, so that it does not flicker.
    static std::uint64_t low_end(const io::SpaceInfo& space) { return low_mark(space) / 5 * 6; }

    Mutex memory_mutex_;
    Condition memory_freed_;
    std::atomic<bool> memory_wanted_{false};
    std::atomic<bool> poisoned_{false};
    struct Shortage {
        std::atomic<bool> is_out_of_space{false};
        bool lasts = false;
        core::LogThrottle throttle;
    };
    std::array<Shortage, 3> shortages_;
    std::atomic<bool> low_{false};
    static constexpr std::size_t places_max = 1'000;
    Mutex places_mutex_;
    std::set<std::pair<std::string, std::uint64_t>> places_ GUARDED_BY(places_mutex_);  // logged damage
    mutable Mutex failure_mutex_;
    std::string failure_ GUARDED_BY(failure_mutex_);
};

// Removes all waiters of a shard and puts them in front of `woken`.
void take_waiters(Shard& shard, Waiter*& woken) REQUIRES(shard.mutex);

}  // namespace riacho::log::detail
