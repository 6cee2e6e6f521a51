#include "log/log.h"

#include <algorithm>
#include <mutex>
#include <thread>
#include <utility>

#include "base/check.h"
#include "base/try.h"
#include "core/disk_pool.h"
#include "core/log.h"
#include "core/runtime.h"
#include "core/task.h"
#include "core/thread.h"
#include "log/detail/flusher.h"
#include "log/detail/reader.h"
#include "log/detail/recovery.h"
#include "log/detail/sequencer.h"
#include "log/detail/store.h"

namespace riacho::log {
namespace {

constexpr std::size_t disk_threads = 4;
constexpr std::int64_t first_spare_delay_ms = 200;
constexpr std::int64_t spare_retry_ms = 1'000;
constexpr int read_attempts_max = 8;

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

struct Log::Impl {
    Impl(Options options, const Directory& directory, core::Clock& clock, CommandApplier& applier)
        : store(std::move(options), directory.fs(), clock, applier),
          sequencer(store),
          flusher(store, sequencer),
          disk(disk_threads) {
        store.directory = &directory;
    }

    void start();
    void close();
    void make_spares();

    detail::Store store;
    detail::Sequencer sequencer;
    detail::Flusher flusher;
    core::DiskPool disk;
    std::thread sequencer_thread;
    std::thread flusher_thread;
    std::thread spares_thread;
    std::once_flag closed;
};

void Log::Impl::start() {
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

void Log::Impl::make_spares() {
    // A start that nobody writes to soon should not be slowed down by filling files.
    if (!store.journal.wait_until_filling(first_spare_delay_ms)) return;
    for (;;) {
        while (store.journal.wants_spare() && !store.is_poisoned()) {
            const auto made = store.journal.prepare_spare();
            store.note_shortage(detail::Store::Writer::spares, made ? nullptr : &made.error());
            if (made) continue;
            if (!made.error().is_shortage()) return store.poison(made.error().describe());
            if (!store.journal.pause(spare_retry_ms)) return;
        }
        if (!store.journal.wait_until_wanted(spare_retry_ms)) return;
        if (store.is_poisoned() && !store.journal.pause(spare_retry_ms)) return;
    }
}

void Log::Impl::close() {
    std::call_once(closed, [this] {
        // In the order of the records' way, so that each finds everything the one before it had left.
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

Log::Log(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Log::~Log() { close(); }
void Log::close() { impl_->close(); }

Expected<std::unique_ptr<Log>, OpenError> Log::open(Options options, const Directory& directory, core::Clock& clock,
                                                    core::Rng& rng, CommandApplier& applier) {
    options.directory = directory.path();
    RIACHO_CHECK(options.journal_file_bytes % detail::block_size == 0 &&
                 options.first_file_bytes % detail::block_size == 0);
    RIACHO_CHECK(options.journal_files_max >= 3);
    auto impl = std::make_unique<Impl>(std::move(options), directory, clock, applier);
    TRY_VOID(detail::recover(impl->store, impl->sequencer, impl->flusher, rng));
    impl->start();
    return std::unique_ptr<Log>(new Log(std::move(impl)));
}

// --- Appends and commands ---

void Log::enqueue(AppendRequest& request) { impl_->sequencer.submit(request); }

namespace {

// Static coroutines: they own what they need, and the log outlives its callers.
Task<Expected<Appended, LogError>> append_one(Log* log, core::Core* core, ShardUid shard, Batch batch) {
    ShardBatch item{.shard = shard, .batch = std::move(batch)};
    AppendRequest request;
    request.batches = std::span(&item, 1);
    request.core = core;
    co_await core::suspend([log, &request](core::Wakeup& wakeup) {
        request.wakeup = &wakeup;
        log->enqueue(request);
    });
    co_return item.result;
}

Task<std::vector<Expected<Appended, LogError>>> append_many(Log* log, core::Core* core,
                                                            std::vector<ShardBatch> batches) {
    AppendRequest request;
    request.batches = batches;
    request.core = core;
    if (!batches.empty()) {
        co_await core::suspend([log, &request](core::Wakeup& wakeup) {
            request.wakeup = &wakeup;
            log->enqueue(request);
        });
    }
    std::vector<Expected<Appended, LogError>> results;
    results.reserve(batches.size());
    for (const ShardBatch& batch : batches) results.push_back(batch.result);
    co_return results;
}

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

// Lets a thread that is not a core wait.
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

Task<Expected<Appended, LogError>> Log::append(core::Core& core, ShardUid shard, Batch batch) {
    return append_one(this, &core, shard, std::move(batch));
}

Task<std::vector<Expected<Appended, LogError>>> Log::append_all(core::Core& core, std::vector<ShardBatch> batches) {
    return append_many(this, &core, std::move(batches));
}

Task<Expected<CommandResult, LogError>> Log::submit(core::Core& core, std::string command) {
    return submit_one(&impl_->sequencer, &core, std::move(command));
}

Expected<CommandResult, LogError> Log::submit_and_wait(std::string command) {
    detail::CommandRequest request;
    Signal signal;
    request.command = std::move(command);
    request.wakeup = &signal;
    impl_->sequencer.submit(request);
    signal.wait();
    return std::move(request.result);
}

// --- Reading ---

std::optional<ShardState> Log::find(ShardUid uid) const {
    const detail::ShardPtr shard = impl_->store.shards.find(uid);
    if (shard == nullptr) return std::nullopt;
    const MutexLock lock(shard->mutex);
    return ShardState{.first_available = shard->first_available,
                      .next = shard->next,
                      .last_arrival = shard->last_arrival,
                      .closed = shard->closed,
                      .damaged = shard->damaged_from.value() != 0};
}

namespace {

// Runs work on a disk thread and goes on on the core.
template <class Work>
Task<void> on_disk(core::DiskPool* disk, core::Core* core, Work work) {
    co_await core::suspend([disk, core, &work](core::Wakeup& wakeup) {
        disk->submit([core, &work, &wakeup] {
            work();
            core->wake(wakeup);
        });
    });
}

Task<Expected<ReadResult, LogError>> read_shard(detail::Store* store, core::DiskPool* disk, core::Core* core,
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
        Expected<ReadResult, LogError> cold = fail(LogError::corrupt);
        co_await on_disk(disk, core, [&] { cold = detail::read_cold(*store, *shard, tail, limits, horizon); });
        // Everything on disk may be older than the horizon; then the rest is in memory.
        if (!cold || cold->record_count > 0 || cold->at_tip) co_return cold;
        from = cold->next;
    }
    // Retention and the horizon kept moving; the caller reads on.
    ReadResult nothing;
    nothing.next = from;
    co_return nothing;
}

Task<Expected<SeqIx, LogError>> search_shard(detail::Store* store, core::DiskPool* disk, core::Core* core, ShardUid uid,
                                             TimestampMs at) {
    const detail::ShardPtr shard = store->shards.find(uid);
    if (shard == nullptr) co_return fail(LogError::unknown_shard);
    const detail::TailSearch search = detail::search_tail(*shard, at);
    if (search.answer) co_return *search.answer;
    Expected<SeqIx, LogError> found = fail(LogError::corrupt);
    co_await on_disk(disk, core, [&] { found = detail::search_cold(*store, *shard, search, at); });
    co_return found;
}

}  // namespace

Task<Expected<ReadResult, LogError>> Log::read(core::Core& core, ShardUid shard, SeqIx from, ReadLimits limits,
                                               TimestampMs horizon) {
    return read_shard(&impl_->store, &impl_->disk, &core, shard, from, limits, horizon);
}

Task<Expected<SeqIx, LogError>> Log::find_by_time(core::Core& core, ShardUid shard, TimestampMs at) {
    return search_shard(&impl_->store, &impl_->disk, &core, shard, at);
}

bool Log::arm(ShardUid uid, SeqIx seen, Waiter& waiter) {
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

bool Log::disarm(Waiter& waiter) {
    const auto shard = std::static_pointer_cast<detail::Shard>(waiter.shard);
    if (shard == nullptr) return false;
    const MutexLock lock(shard->mutex);
    if (waiter.link == nullptr) return false;
    *waiter.link = waiter.next;
    if (waiter.next != nullptr) waiter.next->link = waiter.link;
    waiter.link = nullptr;
    return true;
}

void Log::set_retention(ShardUid uid, std::int64_t retention_ms) {
    const detail::ShardPtr shard = impl_->store.shards.find(uid);
    if (shard != nullptr) shard->retention_ms = retention_ms;
}

// --- Figures ---

Stats Log::stats() const {
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
    stats.groups = c.groups;
    stats.frames = c.frames;
    stats.records = c.records;
    stats.payload_bytes = c.payload_bytes;
    stats.journal_bytes = c.journal_bytes;
    stats.segment_bytes = store.segments.bytes_written();
    stats.checkpoints = c.checkpoints;
    stats.last_sync_us = c.last_sync_us;
    stats.cached_bytes = c.cached_bytes;
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

const core::Histogram& Log::sync_histogram() const { return impl_->store.counters.sync; }

}  // namespace riacho::log
