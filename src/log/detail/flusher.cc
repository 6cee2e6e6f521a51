#include "log/detail/flusher.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "core/log.h"
#include "core/memory_release.h"
#include "core/runtime.h"

namespace riacho::log::detail {
namespace {

constexpr std::int64_t tick_ms = 1'000;
constexpr std::int64_t gather_ms = 50;
constexpr std::int64_t crowded_tick_ms = 100;  // the sequencer may be waiting for a journal file
constexpr std::size_t flush_bytes = 8 << 20;
constexpr std::size_t cache_media_bytes_max = 256 << 20;

// A trim request of retention, which deletes itself when done.
struct DetachedTrim final : TrimRequest, core::Wakeup {
    void run() noexcept override { delete this; }
};

}  // namespace

bool Flusher::survive(const io::IoError& error) {
    if (error.is_shortage()) {
        store_.note_shortage(Store::Writer::flusher, &error);
    } else {
        store_.poison(error.describe());
    }
    return false;
}

bool Flusher::flush(Shard& shard) {
    if (shard.unflushed.empty()) return true;  // always for a deleted shard
    if (const auto done = store_.segments.append(shard); !done) return survive(done.error());
    return true;
}

bool Flusher::flush_touched() {
    while (!touched_.empty()) {
        if (!flush(*touched_.back())) return false;
        touched_.pop_back();
    }
    touched_bytes_ = 0;
    return true;
}

bool Flusher::seal(Shard& shard) {
    if (shard.is_deleted) return true;
    if (const auto done = store_.segments.seal(shard); !done) return survive(done.error());
    return true;
}

bool Flusher::apply(FlushEvent& event) {
    switch (event.kind) {
        case FlushEvent::Kind::data: {
            const Frame& frame = *event.frame;
            if (touched_bytes_ >= flush_bytes && !flush_touched()) return false;
            dirty_bytes_ += cached_size(frame);
            cached_[static_cast<std::size_t>(event.shard->shard_class)].push_back(
                {event.shard, frame.first(), cached_size(frame), frame.lsn()});
            if (event.shard->is_deleted) return true;
            if (event.shard->unflushed.empty()) touched_.push_back(event.shard);
            touched_bytes_ += frame.bytes().size();
            event.shard->unflushed.push_back(std::move(event.frame));
            return true;
        }
        case FlushEvent::Kind::direct:
            return take_over(event);
        case FlushEvent::Kind::create:
            shards_[event.shard->uid] = event.shard;
            return true;
        case FlushEvent::Kind::close:
            if (!flush(*event.shard) || !seal(*event.shard)) return false;
            event.shard->flushed.closed = true;
            return true;
        case FlushEvent::Kind::drop:
            event.shard->unflushed.clear();
            if (shards_.erase(event.shard->uid) > 0) dropped_.push_back(event.shard->uid);
            has_dropped_frames_ = true;
            return true;
        case FlushEvent::Kind::trim: {
            CheckpointShard& state = event.shard->flushed;
            state.first_available = std::max(state.first_available, event.seq);
            if (state.damaged_from < state.first_available) state.damaged_from = SeqIx(0);
            trimmed_.insert(event.shard->uid);
            return true;
        }
        case FlushEvent::Kind::damage: {
            if (!pass_damage(event)) return false;
            CheckpointShard& state = event.shard->flushed;
            if (state.damaged_from.value() == 0) state.damaged_from = event.seq;
            state.next = std::max(state.next, event.seq_end);
            return true;
        }
        case FlushEvent::Kind::group_end:
            reached_ = std::move(event);
            return true;
    }
    return true;
}

bool Flusher::take_over(FlushEvent& event) {
    Shard& shard = *event.shard;
    const Frame& frame = *event.frame;
    bool is_adopted = shard.is_deleted;
    if (!is_adopted) {
        // Earlier records come first.
        if (!flush(shard)) return false;
        const auto done = store_.segments.adopt(shard, frame.first(), frame.next(), frame.arrival(), event.reference);
        if (!done) return survive(done.error());
        is_adopted = *done;
    }
    dirty_bytes_ += cached_size(frame);
    direct_bytes_ += frame.bytes().size();
    cached_[static_cast<std::size_t>(shard.shard_class)].push_back(
        {event.shard, frame.first(), cached_size(frame), event.lsn});
    if (!is_adopted) {
        touched_.push_back(event.shard);
        touched_bytes_ += frame.bytes().size();
        shard.unflushed.push_back(std::move(event.frame));
    }
    return true;
}

bool Flusher::pass_damage(const FlushEvent& event) {
    Shard& shard = *event.shard;
    if (!flush(shard)) return false;
    if (shard.is_deleted) return true;
    if (event.reference.segment.value() != 0) {
        // A frame that is damaged at its place stays there.
        const auto done = store_.segments.adopt(shard, event.seq, event.seq_end, std::nullopt, event.reference);
        if (!done) return survive(done.error());
        if (*done) return true;
    }
    // A segment has no gaps inside: the lost records lie between two segments.
    const auto sealed = store_.segments.seal_before_gap(shard);
    return sealed ? true : survive(sealed.error());
}

bool Flusher::delete_early() {
    bool has_deleted = release_files();
    for (; looked_at_ < todo_.size(); ++looked_at_) {
        const FlushEvent& event = todo_[looked_at_];
        if (event.kind == FlushEvent::Kind::trim) {
            const auto removed = store_.segments.remove_before(*event.shard, event.seq);
            if (!removed) break;
            has_deleted |= *removed > 0;
        } else if (event.kind == FlushEvent::Kind::drop) {
            event.shard->is_deleted = true;
            event.shard->unflushed.clear();
            if (!store_.segments.remove_shard(event.shard->uid)) break;
            has_deleted = true;
        }
    }
    return has_deleted;
}

bool Flusher::process_events() {
    while (!todo_.empty()) {
        if (!apply(todo_.front())) return false;
        todo_.pop_front();
        if (looked_at_ > 0) --looked_at_;
        has_changed_ = true;
    }
    return flush_touched();
}

bool Flusher::process() {
    for (FlushEvent& event : store_.flush_queue.take()) todo_.push_back(std::move(event));
    if (store_.is_poisoned()) return false;
    while (!process_events()) {
        if (store_.is_poisoned() || !store_.is_out_of_space() || !delete_early()) return false;
    }
    flushed_ = reached_;
    if (!is_checkpoint_short_) store_.note_shortage(Store::Writer::flusher, nullptr);
    return true;
}

Bytes Flusher::encode_state() const {
    Checkpoint checkpoint{.store = store_.uuid,
                          .lsn = flushed_.lsn,
                          .generation = flushed_.generation,
                          .next_command = flushed_.next_command,
                          .last_command_lsn = flushed_.last_command,
                          .last_command_now = flushed_.last_command_now};
    checkpoint.shards.reserve(shards_.size());
    for (const auto& [uid, shard] : shards_) checkpoint.shards.push_back(shard->flushed);
    checkpoint.dropped = dropped_;
    return encode_checkpoint(checkpoint);
}

bool Flusher::checkpoint() {
    if (store_.is_poisoned()) return false;
    RIACHO_CHECK(todo_.empty() && touched_.empty(), "a checkpoint of a half-applied state");
    last_checkpoint_ = store_.clock.monotonic();
    // After this sync the segments are complete up to the position that the checkpoint will name.
    if (const auto synced = store_.segments.sync(); !synced) {
        is_checkpoint_short_ = synced.error().is_out_of_descriptors();
        if (is_checkpoint_short_) return survive(synced.error());
        store_.poison(synced.error().describe());
        return false;
    }
    const auto replaced = io::replace_file(store_.fs, store_.options.directory, checkpoint_file_name, encode_state());
    is_checkpoint_short_ = !replaced && replaced.error().is_shortage();
    if (!replaced) {
        // Trims and drops are durable in the journal: their files may be deleted without a checkpoint.
        if (replaced.error().is_out_of_space()) release_files();
        return survive(replaced.error());
    }
    store_.note_shortage(Store::Writer::flusher, nullptr);
    has_changed_ = false;
    checkpoint_lsn_ = flushed_.lsn;
    ++store_.counters.checkpoints;
    store_.counters.checkpoint_lsn = checkpoint_lsn_.value();
    release_journal();
    release_files();
    store_.counters.dirty_bytes -= std::exchange(dirty_bytes_, 0);
    direct_bytes_ = 0;
    evict();
    return !store_.is_poisoned();
}

void Flusher::release_journal() {
    const auto waits = store_.journal.recycle(checkpoint_lsn_, store_.applier.applied_lsn());
    if (!waits) {
        survive(waits.error());
    } else if (*waits) {
        store_.applier.request_materialise();
    }
}

bool Flusher::release_files() {
    bool has_released = false;
    const auto report = [&](const io::IoError& error) {
        if (!delete_throttle_.is_due(store_.clock.monotonic())) return;
        core::log_line(core::LogLevel::warn, "file not deleted", {{"error", error.describe()}});
    };
    std::erase_if(trimmed_, [&](ShardUid uid) {
        const auto at = shards_.find(uid);
        if (at == shards_.end()) return true;
        const auto removed = store_.segments.remove_before(*at->second, at->second->flushed.first_available);
        if (!removed) report(removed.error());
        has_released |= removed.value_or(0) > 0;
        return removed.has_value();
    });
    std::vector<ShardUid> failed;
    for (const ShardUid uid : dropped_) {
        if (const auto removed = store_.segments.remove_shard(uid); !removed) {
            report(removed.error());
            failed.push_back(uid);
        }
    }
    // The next checkpoint no longer names the shards whose files are deleted.
    if (failed.size() != dropped_.size()) has_changed_ = has_released = true;
    dropped_ = std::move(failed);
    return has_released;
}

bool Flusher::is_cache_full(ShardClass shard_class) const {
    const auto& options = store_.options;
    const std::size_t cache_max =
        store_.is_memory_wanted() ? std::min(options.cache_bytes, options.cached_bytes_max / 2) : options.cache_bytes;
    const std::size_t media_max = std::min(cache_max / 4, cache_media_bytes_max);
    const std::size_t media = store_.counters.cached_media_bytes;
    if (shard_class == ShardClass::media) return media > media_max;
    // Records may use the cache that media leave free, which is at least the records' own share.
    return store_.counters.cached_bytes - media > cache_max - std::min(media, media_max);
}

void Flusher::evict() {
    const bool has_dropped = std::exchange(has_dropped_frames_, false);
    for (const ShardClass shard_class : {ShardClass::media, ShardClass::records}) {
        auto& frames = cached_[static_cast<std::size_t>(shard_class)];
        if (has_dropped) {
            std::erase_if(frames, [&](const Cached& frame) { return !shards_.contains(frame.shard->uid); });
        }
        while (!frames.empty() && frames.front().lsn < checkpoint_lsn_) {
            const Cached& oldest = frames.front();
            Shard& shard = *oldest.shard;
            bool is_gone = false;
            {
                const MutexLock lock(shard.mutex);
                is_gone = shard.tail.empty() || shard.tail.front()->first() != oldest.first;
            }
            if (!is_gone) {
                if (!is_cache_full(shard_class)) break;
                store_.evict(shard, oldest.first, oldest.bytes);
            }
            frames.pop_front();
        }
    }
    store_.note_memory_freed();
}

bool Flusher::may_seal(Shard& shard) {
    // Direct writes may have gone on, or be under way, behind the end that the flusher knows.
    const MutexLock lock(shard.mutex);
    if (shard.referenced_next > shard.flushed.next) return false;
    if (shard.direct_base != shard.flushed.active_base) return true;
    if (shard.direct_end != shard.flushed.active_frames_end) return false;
    shard.direct_base = SeqIx(0);
    return true;
}

void Flusher::seal_old_segments() {
    const std::int64_t limit = store_.clock.now().value() - store_.options.segment_age_ms_max;
    const bool is_short = store_.is_low() || store_.is_out_of_space();
    for (const auto& [uid, shard] : shards_) {
        const CheckpointShard& state = shard->flushed;
        if (state.active_base.value() == 0) continue;
        // Only sealed segments are deleted, and for want of space no record may come that would end this one.
        const bool is_garbage = is_short && state.first_available >= state.next;
        if (!is_garbage && state.active_created.value() > limit) continue;
        if (!may_seal(*shard)) continue;
        if (!seal(*shard)) return;
        if (is_garbage) trimmed_.insert(uid);
        has_changed_ = true;
    }
}

void Flusher::enforce_retention() {
    for (const auto& [uid, shard] : shards_) {
        const std::int64_t retention_ms = shard->retention_ms.load(std::memory_order_relaxed);
        if (retention_ms < 0) continue;
        const TimestampMs limit = store_.clock.ago(retention_ms + store_.options.retention_slack_ms);
        const auto end = store_.segments.expired_before(*shard, limit);
        if (!end) {
            if (retention_throttle_.is_due(store_.clock.monotonic())) {
                core::log_line(core::LogLevel::warn, "retention skipped", {{"error", end.error().describe()}});
            }
            continue;
        }
        if (*end <= shard->flushed.first_available) {
            // The records were trimmed before, but a crash came between the checkpoint and the unlink.
            if (end->value() != 0) trimmed_.insert(uid);
            continue;
        }
        // The trim must be durable first; the files are deleted after the next checkpoint.
        auto trim = std::make_unique<DetachedTrim>();
        trim->shard = uid;
        trim->first_available = *end;
        trim->wakeup = trim.get();
        sequencer_.submit(*trim.release());
    }
}

void Flusher::tick() {
    const MonotonicNs now = store_.clock.monotonic();
    if (now.value() - last_tick_.value() < tick_ms * 1'000'000) return;
    last_tick_ = now;
    store_.sample_space();
    if (store_.directory != nullptr && !store_.directory->is_in_place()) {
        store_.poison(fmt::format("the data directory {} was removed or replaced", store_.options.directory));
    }
    if (store_.is_poisoned()) return;
    if (store_.is_low()) {
        if (const auto deleted = store_.journal.delete_extra_spares(); !deleted) survive(deleted.error());
    }
    if (todo_.empty() && touched_.empty()) seal_old_segments();
    const std::int64_t retention_interval_ms =
        std::clamp<std::int64_t>(store_.options.retention_slack_ms / 60, 1'000, 60'000);
    if (now.value() - last_retention_.value() >= retention_interval_ms * 1'000'000) {
        last_retention_ = now;
        enforce_retention();
    }
    if (store_.journal.retained_count() > 0) release_journal();
    if (idle_.should_release()) core::release_free_memory();
}

bool Flusher::checkpoint_is_due() {
    if (!has_changed_) return false;
    if (store_.is_memory_wanted()) return true;
    // After one that failed for want of space or descriptors the interval is waited for.
    if (!is_checkpoint_short_ && store_.journal.crowded_until() > checkpoint_lsn_) return true;
    const std::uint64_t limit =
        std::min<std::uint64_t>(store_.options.checkpoint_bytes, store_.options.cache_bytes / 2);
    // A start reads both.
    if (flushed_.lsn.value() - checkpoint_lsn_.value() + direct_bytes_ >= limit) return true;
    const std::int64_t age = store_.clock.monotonic().value() - last_checkpoint_.value();
    return age >= store_.options.checkpoint_interval_ms * 1'000'000;
}

void Flusher::run() {
    last_checkpoint_ = store_.clock.monotonic();
    for (;;) {
        const bool is_crowded = store_.journal.crowded_until().value() != 0;
        store_.flush_queue.wait(is_crowded ? crowded_tick_ms : tick_ms, gather_ms);
        const bool is_stopping = store_.flush_queue.is_stopping();
        const bool is_complete = process();
        if (is_complete && (checkpoint_is_due() || (is_stopping && has_changed_))) {
            checkpoint();
        } else if (store_.is_memory_wanted()) {
            evict();
        }
        if (is_stopping) return;
        // The applier may have stored its commands since the checkpoint.
        if (is_crowded && !store_.is_poisoned()) release_journal();
        tick();
    }
}

void Flusher::restore(const Checkpoint& checkpoint) {
    for (const CheckpointShard& state : checkpoint.shards) {
        shards_[state.shard] = sequencer_.find_shard(state.shard);
    }
    dropped_ = checkpoint.dropped;
    flushed_.kind = FlushEvent::Kind::group_end;
    flushed_.lsn = checkpoint.lsn;
    flushed_.generation = checkpoint.generation;
    flushed_.next_command = checkpoint.next_command;
    flushed_.last_command = checkpoint.last_command_lsn;
    flushed_.last_command_now = checkpoint.last_command_now;
    reached_ = flushed_;
    checkpoint_lsn_ = checkpoint.lsn;
    store_.counters.checkpoint_lsn = checkpoint.lsn.value();
}

}  // namespace riacho::log::detail
