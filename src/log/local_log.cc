#include "log/local_log.h"

#include <algorithm>
#include <mutex>
#include <thread>
#include <utility>

#include "base/check.h"
#include "base/try.h"
#include "core/log.h"
#include "core/run_on.h"
#include "core/runtime.h"
#include "core/task.h"
#include "core/thread.h"
#include "core/work_pool.h"
#include "log/detail/flusher.h"
#include "log/detail/reader.h"
#include "log/detail/recovery.h"
#include "log/detail/sequencer.h"
#include "log/detail/store.h"

namespace riacho::log {
namespace {

constexpr std::size_t disk_threads = 4;
constexpr std::size_t disk_queue_max = 4'096;  // at milliseconds a read, more would outwait their clients
constexpr std::int64_t first_spare_delay_ms = 200;
constexpr std::int64_t spare_retry_ms = 1'000;
constexpr int read_attempts_max = 8;
constexpr std::int64_t read_wait_ms = 5'000;
constexpr std::size_t read_slack_bytes = std::size_t{1} << 20;

}  // namespace

std::string_view to_string(LogError error) {
    switch (error) {
        case LogError::sealed:
            return "sealed";
        case LogError::unknown_shard:
            return "unknown_shard";
        case LogError::overloaded:
            return "overloaded";
        case LogError::disk_full:
            return "disk_full";
        case LogError::poisoned:
            return "poisoned";
        case LogError::shutting_down:
            return "shutting_down";
        case LogError::corrupt:
            return "corrupt";
    }
    return "";
}

bool is_unavailable(LogError error) {
    switch (error) {
        case LogError::overloaded:
        case LogError::disk_full:
        case LogError::poisoned:
        case LogError::shutting_down:
            return true;
        case LogError::sealed:
        case LogError::unknown_shard:
        case LogError::corrupt:
            return false;
    }
    RIACHO_CHECK(false, "an unknown LogError");
}

std::string_view to_string(Durability durability) {
    switch (durability) {
        case Durability::sync:
            return "sync";
        case Durability::interval:
            return "interval";
        case Durability::os:
            return "os";
    }
    return "";
}

std::string_view to_string(StoreState state) {
    switch (state) {
        case StoreState::ok:
            return "ok";
        case StoreState::disk_low:
            return "disk_low";
        case StoreState::disk_full:
            return "disk_full";
        case StoreState::failed:
            return "failed";
    }
    return "";
}

struct LocalLog::Impl {
    Impl(Options options, const Directory& directory, core::Clock& clock, CommandApplier& applier)
        : store(std::move(options), directory.fs(), clock, applier),
          sequencer(store),
          flusher(store, sequencer),
          disk({.name = "disk", .threads_max = disk_threads, .queue_max = disk_queue_max}) {
        store.directory = &directory;
    }

    void start();
    void close();
    void make_spares();

    detail::Store store;
    detail::Sequencer sequencer;
    detail::Flusher flusher;
    core::WorkPool disk;
    std::thread sequencer_thread;
    std::thread flusher_thread;
    std::thread spares_thread;
    std::once_flag closed;
};

void LocalLog::Impl::start() {
    sequencer.use_lane_threads();
    sequencer_thread = std::thread([this] {
        core::begin_thread("sequencer");
        sequencer.run();
    });
    flusher_thread = std::thread([this] {
        core::begin_thread("flusher");
        flusher.run();
    });
    spares_thread = std::thread([this] {
        core::begin_thread("journal-spares");
        make_spares();
    });
}

void LocalLog::Impl::make_spares() {
    // Filling spare files at once would slow down the start of a server.
    if (!store.journal.wait_until_filling(first_spare_delay_ms)) return;
    for (;;) {
        while (store.wants_spare() && !store.is_poisoned()) {
            const auto made = store.journal.prepare_spare();
            store.note_shortage(detail::Store::Writer::spares, made ? nullptr : &made.error());
            if (made) continue;
            if (!made.error().is_shortage()) return store.poison(made.error().describe());
            if (!store.journal.pause(spare_retry_ms)) return;
        }
        // Recycled files may have replaced the spare that met the full disk.
        if (!store.journal.wants_spare()) store.note_shortage(detail::Store::Writer::spares, nullptr);
        if (!store.journal.wait_until_wanted(spare_retry_ms)) return;
        const bool is_for_later = store.journal.wants_spare() && (store.is_poisoned() || !store.wants_spare());
        if (is_for_later && !store.journal.pause(spare_retry_ms)) return;
    }
}

void LocalLog::Impl::close() {
    std::call_once(closed, [this] {
        // Stopped in the order in which records pass them, so that each finishes the output of the one before.
        sequencer.stop();
        if (sequencer_thread.joinable()) sequencer_thread.join();
        store.flush_queue.stop();
        if (flusher_thread.joinable()) flusher_thread.join();
        store.journal.stop_waiting();
        if (spares_thread.joinable()) spares_thread.join();
        disk.stop();
        sequencer.write_mark(detail::flag_clean_shutdown);
    });
}

LocalLog::LocalLog(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
LocalLog::~LocalLog() { close(); }
void LocalLog::close() { impl_->close(); }

Expected<std::unique_ptr<LocalLog>, OpenError> LocalLog::open(Options options, const Directory& directory,
                                                              core::Clock& clock, core::Rng& rng,
                                                              CommandApplier& applier) {
    options.directory = directory.path();
    RIACHO_CHECK(options.journal_file_bytes % detail::block_size == 0 &&
                 options.first_file_bytes % detail::block_size == 0);
    RIACHO_CHECK(options.journal_files_max >= 3);
    auto impl = std::make_unique<Impl>(std::move(options), directory, clock, applier);
    TRY_VOID(detail::recover(impl->store, impl->sequencer, impl->flusher, rng));
    impl->start();
    return std::unique_ptr<LocalLog>(new LocalLog(std::move(impl)));
}

// --- Appends and commands ---

void LocalLog::enqueue(AppendRequest& request) { impl_->sequencer.submit(request); }

namespace {

Task<Expected<CommandResult, LogError>> submit_one(detail::Sequencer* sequencer, core::Core* core,
                                                   std::string command) {
    detail::CommandRequest request;
    request.command = std::move(command);
    request.core = core;
    co_await core::suspend([sequencer, &request](core::Wakeup& wakeup) {
        request.wakeup = &wakeup;
        sequencer->submit(request);
    });
    co_return std::move(request.result);
}

// Blocks a thread that is not a core.
class Signal final : public core::Wakeup {
public:
    void run() noexcept override {
        const MutexLock lock(mutex_);
        is_done_ = true;
        done_.notify_one();
    }
    void wait() {
        const MutexLock lock(mutex_);
        while (!is_done_) done_.wait(mutex_);
    }

private:
    Mutex mutex_;
    Condition done_;
    bool is_done_ GUARDED_BY(mutex_) = false;
};

}  // namespace

Task<Expected<CommandResult, LogError>> LocalLog::submit(core::Core& core, std::string command) {
    return submit_one(&impl_->sequencer, &core, std::move(command));
}

Expected<CommandResult, LogError> LocalLog::submit_and_wait(std::string command) {
    detail::CommandRequest request;
    Signal signal;
    request.command = std::move(command);
    request.wakeup = &signal;
    impl_->sequencer.submit(request);
    signal.wait();
    return std::move(request.result);
}

// --- Reading ---

std::optional<ShardState> LocalLog::last_known(ShardUid uid) const {
    const detail::ShardPtr shard = impl_->store.shards.find(uid);
    if (shard == nullptr) return std::nullopt;
    const MutexLock lock(shard->mutex);
    return ShardState{.first_available = shard->first_available,
                      .next = shard->next,
                      .last_arrival = shard->last_arrival,
                      .closed = shard->closed,
                      .damaged = shard->damaged_from.value() != 0,
                      .retention_ms = shard->retention_ms};
}

Task<Expected<ShardState, LogError>> LocalLog::state(core::Core&, ShardUid uid) {
    const auto state = last_known(uid);
    if (!state) co_return fail(LogError::unknown_shard);
    co_return *state;
}

namespace {

LogError to_log_error(core::PoolError error) {
    switch (error) {
        case core::PoolError::full:
            return LogError::overloaded;
        case core::PoolError::stopping:
            return LogError::shutting_down;
    }
    RIACHO_CHECK(false, "an unknown PoolError");
}

// Runs work on a disk thread and returns its result.
template <class Work>
Task<std::invoke_result_t<Work>> on_disk(core::WorkPool* disk, core::Core* core, Work work) {
    auto outcome = co_await core::run_on(*disk, *core, std::move(work));
    if (!outcome) co_return fail(to_log_error(outcome.error()));
    co_return *std::move(outcome);
}

// Memory for the records that a read may load from disk; nothing if the wait for it timed out.
Task<std::optional<core::MemoryLease>> take_read_memory(core::MemoryBudget* budget, core::Core* core,
                                                        ReadLimits limits) {
    if (budget == nullptr) co_return core::MemoryLease();
    constexpr auto use = core::MemoryUse::reads;
    // Frames are read whole. At most half of the share, so that the smallest node serves the largest read.
    const std::size_t bytes = std::min(limits.bytes_max + read_slack_bytes, budget->share(use) / 2);
    const bool taken = co_await budget->take(*core, use, bytes, read_wait_ms);
    if (!taken) co_return std::nullopt;
    co_return core::MemoryLease(*budget, use, bytes);
}

std::size_t bytes_held(const ReadResult& result) {
    std::size_t bytes = 0;
    const Frame* last = nullptr;
    for (const FrameSlice& slice : result.slices) {
        if (slice.frame.get() != std::exchange(last, slice.frame.get())) bytes += slice.frame->bytes().size();
    }
    return bytes;
}

Task<Expected<ReadResult, LogError>> read_shard(detail::Store* store, core::WorkPool* disk, core::Core* core,
                                                ShardUid uid, SeqIx from, ReadLimits limits, TimestampMs horizon) {
    const detail::ShardPtr shard = store->shards.find(uid);
    if (shard == nullptr) co_return fail(LogError::unknown_shard);
    for (int attempt = 0; attempt < read_attempts_max; ++attempt) {
        detail::TailRead tail = detail::read_tail(*shard, from, limits, horizon);
        if (tail.answer) {
            ++store->counters.reads_from_cache;
            co_return *std::move(tail.answer);
        }
        ++store->counters.reads_from_disk;
        auto memory = co_await take_read_memory(store->options.memory, core, limits);
        if (!memory) co_return fail(LogError::overloaded);
        auto cold =
            co_await on_disk(disk, core, [&] { return detail::read_cold(*store, *shard, tail, limits, horizon); });
        if (cold) {
            memory->shrink_to(bytes_held(*cold));
            cold->memory = *std::move(memory);
        }
        // All records on disk may be older than the horizon; then the remaining records are in memory.
        if (!cold || cold->record_count > 0 || cold->at_tip) co_return cold;
        from = cold->next;
    }
    // Retention and the horizon kept moving; the caller continues from `next`.
    ReadResult nothing;
    nothing.next = from;
    co_return nothing;
}

Task<Expected<SeqIx, LogError>> search_shard(detail::Store* store, core::WorkPool* disk, core::Core* core, ShardUid uid,
                                             TimestampMs at) {
    const detail::ShardPtr shard = store->shards.find(uid);
    if (shard == nullptr) co_return fail(LogError::unknown_shard);
    const detail::TailSearch search = detail::search_tail(*shard, at);
    if (search.answer) co_return *search.answer;
    co_return co_await on_disk(disk, core, [&] { return detail::search_cold(*store, *shard, search, at); });
}

Task<Expected<std::uint64_t, LogError>> measure_shard(detail::Store* store, core::WorkPool* disk, core::Core* core,
                                                      ShardUid uid) {
    const detail::ShardPtr shard = store->shards.find(uid);
    if (shard == nullptr) co_return fail(LogError::unknown_shard);
    co_return co_await on_disk(disk, core, [&] { return detail::measure(*store, *shard); });
}

}  // namespace

Task<Expected<std::uint64_t, LogError>> LocalLog::stored_bytes(core::Core& core, ShardUid shard) {
    return measure_shard(&impl_->store, &impl_->disk, &core, shard);
}

Task<Expected<ReadResult, LogError>> LocalLog::read(core::Core& core, ShardUid shard, SeqIx from, ReadLimits limits,
                                                    TimestampMs horizon) {
    return read_shard(&impl_->store, &impl_->disk, &core, shard, from, limits, horizon);
}

Task<Expected<SeqIx, LogError>> LocalLog::find_by_time(core::Core& core, ShardUid shard, TimestampMs at) {
    return search_shard(&impl_->store, &impl_->disk, &core, shard, at);
}

bool LocalLog::arm(ShardUid uid, SeqIx seen, Waiter& waiter) {
    detail::ShardPtr shard = impl_->store.shards.find(uid);
    if (shard == nullptr) return false;
    const MutexLock lock(shard->mutex);
    if (shard->next > seen || shard->closed || shard->dropped) return false;
    waiter.next = shard->waiters;
    waiter.link = &shard->waiters;
    if (waiter.next != nullptr) waiter.next->link = &waiter.next;
    shard->waiters = &waiter;
    waiter.shard = shard;
    return true;
}

bool LocalLog::disarm(Waiter& waiter) {
    const auto shard = std::static_pointer_cast<detail::Shard>(waiter.shard);
    if (shard == nullptr) return false;
    const MutexLock lock(shard->mutex);
    if (waiter.link == nullptr) return false;
    *waiter.link = waiter.next;
    if (waiter.next != nullptr) waiter.next->link = waiter.link;
    waiter.link = nullptr;
    return true;
}

void LocalLog::set_retention(ShardUid uid, std::int64_t retention_ms) {
    const detail::ShardPtr shard = impl_->store.shards.find(uid);
    if (shard != nullptr) shard->retention_ms = retention_ms;
}

// --- Figures ---

TimestampMs LocalLog::recovered_time() const { return impl_->store.recovered_time; }

Stats LocalLog::stats() const {
    const detail::Store& store = impl_->store;
    const detail::Counters& c = store.counters;
    Stats stats;
    stats.durability = store.options.durability;
    stats.state = store.state();
    stats.failure = store.failure();
    stats.direct_io = store.journal.is_direct();
    stats.durable_lsn = Lsn(c.durable_lsn);
    stats.checkpoint_lsn = Lsn(c.checkpoint_lsn);
    stats.queue_frames = c.queue_frames;
    stats.queue_bytes = c.queue_bytes;
    stats.queue_media_bytes = c.queue_media_bytes;
    stats.groups = c.groups;
    stats.frames = c.frames;
    stats.records = c.records;
    stats.payload_bytes = c.payload_bytes;
    stats.journal_bytes = c.journal_bytes;
    stats.segment_bytes = store.segments.bytes_written();
    stats.checkpoints = c.checkpoints;
    stats.last_sync_us = c.last_sync_us;
    stats.cached_bytes = c.cached_bytes;
    stats.cached_media_bytes = c.cached_media_bytes;
    stats.dirty_bytes = c.dirty_bytes;
    stats.reads_from_cache = c.reads_from_cache;
    stats.reads_from_disk = c.reads_from_disk;
    stats.journal_files = store.journal.file_count();
    stats.shards = store.shards.size();
    stats.damaged_shards = c.damaged_shards;
    stats.recovery_truncated_bytes = c.recovery_truncated_bytes;
    stats.recovery_replayed_bytes = c.recovery_replayed_bytes;
    stats.recovery_us = c.recovery_us;
    return stats;
}

const core::Histogram& LocalLog::sync_histogram() const { return impl_->store.counters.sync; }

}  // namespace riacho::log
