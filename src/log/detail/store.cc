#include "log/detail/store.h"

#include <algorithm>

#include "core/log.h"

namespace riacho::log::detail {

void Store::poison(std::string_view reason) {
    {
        const MutexLock lock(failure_mutex_);
        if (poisoned_) return;
        failure_ = reason;
        poisoned_.store(true, std::memory_order_release);
    }
    core::log_line(core::LogLevel::error, "disk failed, nothing is written any more", {{"error", reason}});
    if (options.on_failure) options.on_failure(reason);
}

void Store::note_shortage(Writer writer, const io::IoError* error) {
    Shortage& shortage = shortages_[static_cast<std::size_t>(writer)];
    if (error == nullptr && !shortage.lasts) return;
    shortage.is_out_of_space = error != nullptr && error->is_out_of_space();
    if (!std::exchange(shortage.lasts, error != nullptr)) shortage.throttle = {};
    if (error == nullptr || !shortage.throttle.is_due(clock.monotonic())) return;
    const std::string_view event = error->is_out_of_space() ? "disk full, writing goes on when there is room"
                                                            : "too many open files, trying again";
    core::log_line(core::LogLevel::error, event, {{"error", error->describe()}});
}

std::string Store::failure() const {
    const MutexLock lock(failure_mutex_);
    return failure_;
}

StoreState Store::state() const {
    if (is_poisoned()) return StoreState::failed;
    if (is_out_of_space()) return StoreState::disk_full;
    return is_low() ? StoreState::disk_low : StoreState::ok;
}

std::uint64_t Store::low_mark(const io::SpaceInfo& space) {
    constexpr std::uint64_t gib = 1ULL << 30;
    const bool is_small = space.bytes_total < 40 * gib;
    const std::uint64_t share = space.bytes_total / (is_small ? 40 : 20);
    const std::uint64_t floor = is_small ? std::min(gib / 4, space.bytes_total / 10) : 2 * gib;
    return std::max(share, floor);
}

bool Store::wants_spare() const {
    if (!journal.wants_spare()) return false;
    if (!journal.has_spare()) return true;
    const auto space = fs.statvfs(options.directory);
    return !space || space->bytes_free >= low_end(*space) + options.journal_file_bytes;
}

void Store::sample_space() {
    const auto space = fs.statvfs(options.directory);
    if (!space || space->bytes_total == 0) return;
    const bool was_low = is_low();
    const bool low = space->bytes_free < (was_low ? low_end(*space) : low_mark(*space));
    if (low == was_low) return;
    low_ = low;
    core::log_line(low ? core::LogLevel::warn : core::LogLevel::info,
                   low ? "disk space low, appends refused" : "disk space back",
                   {{"bytes_free", space->bytes_free}, {"bytes_needed", low_mark(*space)}});
}

LogError Store::report(Shard& shard, const ReadFailure& failure) {
    if (failure.error != LogError::corrupt) return failure.error;
    {
        const MutexLock lock(shard.mutex);
        if (shard.dropped) return LogError::unknown_shard;
        if (shard.damaged_from.value() == 0) {
            shard.damaged_from = failure.at;
            ++counters.damaged_shards;
        }
    }
    {
        const MutexLock lock(places_mutex_);
        if (places_.size() >= places_max || !places_.emplace(failure.path, failure.offset).second) return failure.error;
    }
    core::log_line(core::LogLevel::error, "records cannot be read",
                   {{"shard", shard.uid.value()},
                    {"record", failure.at.value()},
                    {"path", failure.path},
                    {"offset", failure.offset},
                    {"problem", failure.problem}});
    return failure.error;
}

void Store::forget_damage(Shard& shard) {
    if (shard.damaged_from.value() == 0) return;
    shard.damaged_from = SeqIx(0);
    --counters.damaged_shards;
}

void take_waiters(Shard& shard, Waiter*& woken) {
    while (shard.waiters != nullptr) {
        Waiter* waiter = shard.waiters;
        shard.waiters = waiter->next;
        waiter->link = nullptr;
        waiter->next = woken;
        woken = waiter;
    }
}

void Store::publish(Shard& shard, FramePtr frame, Waiter*& woken) {
    const std::size_t size = cached_size(*frame);
    counters.cached_bytes += size;
    if (shard.shard_class == ShardClass::media) counters.cached_media_bytes += size;
    const MutexLock lock(shard.mutex);
    shard.next = frame->next();
    shard.last_arrival = frame->arrival();
    shard.tail.push_back(std::move(frame));
    if (shard.waiters != nullptr) take_waiters(shard, woken);
}

SeqIx Store::publish_trim(Shard& shard, SeqIx first_available) {
    const MutexLock lock(shard.mutex);
    shard.first_available = std::max(shard.first_available, std::min(first_available, shard.next));
    if (shard.damaged_from < shard.first_available) forget_damage(shard);
    return shard.first_available;
}

void Store::publish_closed(Shard& shard, Waiter*& woken) {
    const MutexLock lock(shard.mutex);
    shard.closed = true;
    take_waiters(shard, woken);
}

bool Store::wait_for_memory(std::size_t bytes, std::int64_t span_ms) {
    if (has_memory(bytes)) return true;
    // On a full volume the flusher cannot free memory.
    if (bytes > options.cached_bytes_max || is_out_of_space()) return false;
    constexpr int rounds = 8;
    const MutexLock lock(memory_mutex_);
    for (int round = 0; round < rounds && !is_poisoned(); ++round) {
        memory_wanted_ = true;
        flush_queue.hurry();
        memory_freed_.wait_for_ms(memory_mutex_, span_ms / rounds);
        if (has_memory(bytes)) return true;
    }
    return false;
}

void Store::note_memory_freed() {
    if (!memory_wanted_.exchange(false)) return;
    const MutexLock lock(memory_mutex_);
    memory_freed_.notify_all();
}

void Store::evict(Shard& shard, SeqIx first, std::size_t bytes) {
    FramePtr gone;
    {
        const MutexLock lock(shard.mutex);
        if (shard.tail.empty() || shard.tail.front()->first() != first) return;
        // Destroyed after the lock is released.
        gone = std::move(shard.tail.front());
        shard.tail.pop_front();
    }
    note_uncached(shard, bytes);
}

}  // namespace riacho::log::detail
