#include "log/detail/sequencer.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/check.h"
#include "base/crc32c.h"
#include "core/log.h"
#include "core/runtime.h"

namespace riacho::log::detail {
namespace {

constexpr std::size_t commands_ahead_max = 32;  // of a group

void run_all(core::Wakeup* first) {
    while (first != nullptr) {
        core::Wakeup* next = first->next;
        first->run();
        first = next;
    }
}

}  // namespace

// --- Building a group ---

SeqIx Sequencer::next_seq(ShardUid uid) const {
    const auto at = shards_.find(uid);
    const ShardFact fact = at == shards_.end()
                               ? ShardFact{.shard = uid}
                               : ShardFact{uid, at->second->sequencing.next, at->second->sequencing.last_arrival};
    facts_.push_back(fact);
    return fact.next_seq;
}

TimestampMs Sequencer::last_arrival(ShardUid uid) const {
    static_cast<void>(next_seq(uid));
    return facts_.back().last_arrival;
}

std::size_t Sequencer::effects_size_max(const CommandRequest& request) const {
    return command_body_size({}) + store_.applier.effects_max(request.command) * sizeof(ShardFact);
}

bool Sequencer::can_ever_fit(const QueueItem& item) const {
    if (item.kind == QueueItem::Kind::command) {
        const auto& request = static_cast<const CommandRequest&>(item);
        if (request.command.size() + effects_size_max(request) > frame_body_size_max) return false;
    }
    return room_needed(item) <= store_.journal.room_max();
}

std::size_t Sequencer::room_needed(std::size_t bytes, std::size_t frames) const {
    std::size_t size = staging_.size() + bytes + frame_alignment * frames;
    size += frame_header_size + trailer_body_size(trailer_.entries.size() + frames);
    return round_up(size, block_size);
}

std::size_t Sequencer::room_needed(const QueueItem& item) const {
    std::size_t bytes = item.bytes;
    if (item.kind == QueueItem::Kind::command) bytes += effects_size_max(static_cast<const CommandRequest&>(item));
    return room_needed(bytes, item.frames);
}

bool Sequencer::make_room(std::size_t size) {
    if (size <= store_.journal.room()) return true;
    for (bool waited = false;; waited = true) {
        io::IoError error;
        switch (store_.journal.roll(store_.clock.now(), error)) {
            case Journal::Roll::done:
                store_.note_shortage(Store::Writer::sequencer, nullptr);
                // A small first file of the journal may still be too small.
                if (size <= store_.journal.room()) return true;
                continue;
            case Journal::Roll::not_now:
                store_.note_shortage(Store::Writer::sequencer, &error);
                return false;
            case Journal::Roll::failed:
                store_.poison(error.describe());
                return false;
            case Journal::Roll::no_spare:
                break;
        }
        // The appends outpace the disk: every journal file waits for its records to reach the segments.
        if (waited || !store_.journal.wait_for_spare(store_.options.space_wait_ms)) return false;
    }
}

bool Sequencer::leaves_reserve(std::size_t size) const {
    if (!store_.is_out_of_space()) return true;
    const std::size_t reserve = std::min(reserve_bytes, store_.options.journal_file_bytes / 4);
    return size + reserve <= store_.journal.room_in_all();
}

std::size_t Sequencer::memory_needed(const QueueItem& item) const {
    const std::size_t frames = trailer_.entries.size() + item.frames;
    return lane_bytes_ + group_direct_bytes_ + staging_.size() + item.bytes +
           frames * (frame_alignment + cached_frame_overhead);
}

bool Sequencer::make_memory(const QueueItem& item) {
    return store_.wait_for_memory(memory_needed(item), store_.options.space_wait_ms);
}

FrameHeader Sequencer::next_header(FrameKind kind) const {
    FrameHeader header;
    header.kind = kind;
    header.generation = store_.journal.generation();
    header.lsn = store_.journal.position().plus(staging_.size());
    header.durable_lsn = durable_lsn_;
    return header;
}

void Sequencer::note_frame(const FrameHeader& header, std::size_t offset) {
    trailer_.entries.push_back({.offset = static_cast<std::uint32_t>(offset),
                                .body_size = header.body_size,
                                .shard = header.shard,
                                .base_seq = header.base_seq,
                                .record_count = header.record_count,
                                .kind = header.kind});
}

// Encodes a frame around a body that is already in the staging memory, 64 bytes after the frame's start.
void Sequencer::put_frame(FrameHeader header, std::size_t body_size, std::byte* body) {
    header.body_size = static_cast<std::uint32_t>(body_size);
    std::memset(body + body_size, 0, header.size_on_disk() - frame_header_size - body_size);
    header.body_crc = crc32c({body, body_size});
    encode_header(header, body - frame_header_size);
}

void Sequencer::put_trailer(FrameKind kind, std::uint16_t flags) {
    FrameHeader header = next_header(kind);
    header.flags = flags;
    header.shard = next_command_;
    header.base_seq = store_.journal.position().value();
    header.record_count = static_cast<std::uint32_t>(trailer_.entries.size());
    const std::size_t start = staging_.size();
    const std::size_t end =
        round_up(start + frame_header_size + trailer_body_size(trailer_.entries.size()), block_size);
    std::byte* body = staging_.extend(end - start) + frame_header_size;
    const std::size_t body_size = end - start - frame_header_size;
    encode_trailer(trailer_, {body, body_size});
    if (!trailer_.entries.empty()) {
        trailer_.previous_group = store_.journal.position();
        trailer_.previous = trailer_.entries;
    }
    put_frame(header, body_size, body);
}

void Sequencer::place_append(AppendRequest& request) {
    for (ShardBatch& batch : request.batches) {
        const auto at = shards_.find(batch.shard);
        if (at == shards_.end()) {
            batch.result = fail(LogError::unknown_shard);
            continue;
        }
        Shard::Sequencing& state = at->second->sequencing;
        if (state.closed) {
            batch.result = fail(LogError::sealed);
            continue;
        }
        if (state.direct != nullptr) {
            RIACHO_CHECK(!state.direct->is_in_job, "the numbers of a direct write are taken");
            if (!delete_leftover(*at->second)) {
                batch.result = fail(LogError::overloaded);
                continue;
            }
            leave_direct(*at->second, batch.batch.size_on_disk());
        }
        FrameHeader header = next_header(FrameKind::data);
        header.shard = batch.shard.value();
        header.base_seq = state.next.value();
        // Arrival times never decrease within a shard, whatever the wall clock does: time searches and retention rely
        // on it.
        const TimestampMs arrival = std::max(now_, state.last_arrival);
        FramePtr frame = std::move(batch.batch).place(header, arrival);
        note_frame(frame->header(), staging_.size());
        const ByteSpan bytes = frame->bytes();
        std::memcpy(staging_.extend(bytes.size()), bytes.data(), bytes.size());
        state.next = frame->next();
        state.last_arrival = arrival;
        batch.result = Appended{.first = frame->first(), .count = frame->record_count(), .arrival = arrival};
        placed_.push_back({.kind = FrameKind::data, .shard = at->second, .frame = std::move(frame)});
    }
}

std::vector<ShardPtr> Sequencer::apply_locally(const ShardEffects& effects) {
    std::vector<ShardPtr> affected;
    const auto find = [&](ShardUid uid) -> ShardPtr {
        const auto at = shards_.find(uid);
        return at == shards_.end() ? nullptr : at->second;
    };
    for (const auto& create : effects.create) {
        auto shard = std::make_shared<Shard>(create.shard, create.first, create.shard_class);
        const bool is_new = create.shard.value() != 0 && shards_.emplace(create.shard, shard).second;
        affected.push_back(is_new ? std::move(shard) : nullptr);
    }
    for (const ShardUid uid : effects.close) {
        affected.push_back(find(uid));
        if (affected.back() == nullptr) continue;
        affected.back()->sequencing.closed = true;
        leave_direct(*affected.back(), 0);
    }
    for (const ShardUid uid : effects.drop) {
        affected.push_back(find(uid));
        shards_.erase(uid);
    }
    for (const auto& trim : effects.trim) affected.push_back(find(trim.shard));
    return affected;
}

void Sequencer::place_command(CommandRequest& request) {
    facts_.clear();
    const TimestampMs now = std::max(now_, last_command_now_);
    FrameHeader header = next_header(FrameKind::command);
    const std::size_t room_for_effects = effects_size_max(request);
    CommandOutcome outcome = store_.applier.on_sequenced(header.lsn, request.command, now, *this);
    request.result = CommandResult{.accepted = outcome.accepted, .reply = std::move(outcome.reply)};
    if (!outcome.accepted) return;
    RIACHO_CHECK(!lane_.is_busy() || (outcome.effects.close.empty() && outcome.effects.drop.empty()),
                 "a command ends shards that the lane writes to");
    request.result->lsn = header.lsn;
    const CommandBody body{.now = now, .effects = outcome.effects, .facts = facts_, .command = request.command};
    const std::size_t size = command_body_size(body);
    RIACHO_CHECK(size <= request.command.size() + room_for_effects, "a command has more effects than it said");
    header.base_seq = next_command_++;
    header.body_size = static_cast<std::uint32_t>(size);
    header.flags = frame_flag_classes;
    note_frame(header, staging_.size());
    std::byte* at = staging_.extend(header.size_on_disk()) + frame_header_size;
    encode_command_body(body, at);
    put_frame(header, size, at);
    last_command_ = header.lsn;
    last_command_now_ = now;
    has_command_ = true;
    store_.journal.note_command(header.lsn);
    std::vector<ShardPtr> affected = apply_locally(outcome.effects);
    placed_.push_back(
        {.kind = FrameKind::command, .effects = std::move(outcome.effects), .affected = std::move(affected)});
}

void Sequencer::place_trim(TrimRequest& request) {
    const auto at = shards_.find(request.shard);
    if (at == shards_.end()) return;
    FrameHeader header = next_header(FrameKind::trim);
    header.shard = request.shard.value();
    header.base_seq = request.first_available.value();
    note_frame(header, staging_.size());
    put_frame(header, 0, staging_.extend(frame_header_size) + frame_header_size);
    placed_.push_back({.kind = FrameKind::trim, .shard = at->second, .trim = request.first_available});
    has_trim_ = true;
    request.done = true;
}

void Sequencer::place(QueueItem& item) {
    switch (item.kind) {
        case QueueItem::Kind::append:
            return place_append(static_cast<AppendRequest&>(item));
        case QueueItem::Kind::command:
            return place_command(static_cast<CommandRequest&>(item));
        case QueueItem::Kind::trim:
            return place_trim(static_cast<TrimRequest&>(item));
    }
}

bool Sequencer::place_front(QueueItem*& list, std::size_t bytes_max, bool& is_stuck) {
    bool is_out_of_memory = false;
    while (list != nullptr && staging_.size() < bytes_max) {
        QueueItem& item = *list;
        if (lane_.is_busy() && waits_for_lane(item)) {
            if (!trailer_.entries.empty()) return false;
            finish_job();
            continue;
        }
        if (goes_to_lane(item)) {
            list = item.next;
            hold(item);
            continue;
        }
        // The journal rolls to another file only between groups.
        if (!trailer_.entries.empty() && room_needed(item) > store_.journal.room()) return false;
        const bool is_append = item.kind == QueueItem::Kind::append;
        // Placed items are written before the group waits for memory.
        if (!trailer_.entries.empty() && is_append && !store_.has_memory(memory_needed(item))) return false;
        bool fits = can_ever_fit(item) && (!is_append || leaves_reserve(room_needed(item)));
        if (fits && is_append) {
            fits = !is_out_of_memory && make_memory(item);
            is_out_of_memory |= !fits;
        }
        if (fits && room_needed(item) > store_.journal.room()) {
            fits = !is_stuck && make_room(room_needed(item));
            is_stuck |= !fits;  // the remaining items need not wait for a file again
        }
        list = item.next;
        if (item.is_journaled) --returned_;
        if (fits) {
            place(item);
        } else {
            const bool is_full = store_.is_out_of_space();
            set_error(item, store_.is_poisoned() ? LogError::poisoned
                            : is_full            ? LogError::disk_full
                                                 : LogError::overloaded);
        }
        item.next = nullptr;
        *group_items_end_ = &item;
        group_items_end_ = &item.next;
    }
    return true;
}

void Sequencer::build_group() {
    staging_.clear();
    group_direct_bytes_ = 0;
    now_ = store_.clock.now();
    bool is_stuck = false;
    if (lane_.is_busy() && lane_.is_done()) finish_job();
    begin_job();
    bool fits = place_front(pending_, group_bytes_max, is_stuck);
    if (begin_job() && fits) fits = place_front(pending_, group_bytes_max, is_stuck);
    if (!fits || media_ == nullptr) return;
    const bool is_shared = staging_.size() > 0;
    const std::size_t bytes_max = is_shared ? staging_.size() + group_media_bytes_max : group_bytes_max;
    fits = place_front(media_, bytes_max, is_stuck);
    if (media_ == nullptr) media_end_ = &media_;
    if (begin_job() && fits) place_front(media_, bytes_max, is_stuck);
    if (media_ == nullptr) media_end_ = &media_;
}

// --- Ending a group ---

io::IoResult<void> Sequencer::write_when_space() {
    // Even a preallocated file may need new blocks, on file systems that never write in place. The group's items are
    // placed and cannot be refused any more; the whole group is written again.
    std::int64_t waited_ms = 0;
    for (std::int64_t span_ms = 1;; span_ms *= 2) {
        auto written = store_.journal.write(staging_.bytes());
        if (written || !written.error().is_out_of_space()) {
            if (waited_ms > 0) store_.note_shortage(Store::Writer::sequencer, nullptr);
            return written;
        }
        if (waited_ms >= store_.options.space_wait_ms) return written;
        store_.note_shortage(Store::Writer::sequencer, &written.error());
        span_ms = std::min(span_ms, store_.options.space_wait_ms - waited_ms);
        store_.journal.pause(span_ms);
        waited_ms += span_ms;
    }
}

bool Sequencer::write_group() {
    auto& counters = store_.counters;
    const std::int64_t start = store_.clock.monotonic().value();
    if (const auto written = write_when_space(); !written) {
        store_.poison(written.error().describe());
        return false;
    }
    const std::int64_t duration = store_.clock.monotonic().value() - start;
    counters.last_sync_us = duration / 1000;
    counters.sync.record_ns(duration);
    counters.journal_bytes += staging_.size();
    if (store_.options.durability == Durability::sync) {
        durable_lsn_ = store_.journal.position();
    } else {
        is_synced_ = false;
    }
    counters.durable_lsn = durable_lsn_.value();
    return true;
}

bool Sequencer::sync_commands() {
    // The applier stores commands elsewhere, so they must be durable here first, whatever the durability of records:
    // otherwise a power cut could leave the journal behind the catalog. The same holds for trims: their files may be
    // deleted at once.
    if ((!has_command_ && !has_trim_) || is_synced_) return true;
    if (const auto synced = store_.journal.sync(); !synced) {
        store_.poison(synced.error().describe());
        return false;
    }
    last_sync_ = store_.clock.monotonic();
    is_synced_ = true;
    durable_lsn_ = store_.journal.position();
    store_.counters.durable_lsn = durable_lsn_.value();
    return true;
}

void Sequencer::sync_if_due() {
    if (store_.options.durability != Durability::interval || is_synced_ || store_.is_poisoned()) return;
    const MonotonicNs now = store_.clock.monotonic();
    if (now.value() - last_sync_.value() < store_.options.interval_ms * 1'000'000) return;
    if (const auto synced = store_.journal.sync(); !synced) return store_.poison(synced.error().describe());
    last_sync_ = now;
    is_synced_ = true;
    durable_lsn_ = store_.journal.position();
    store_.counters.durable_lsn = durable_lsn_.value();
}

void Sequencer::write_mark(std::uint16_t flags) {
    is_marked_ = true;  // even if there is no room for the mark: it is not retried
    if (store_.is_poisoned() || store_.journal.room() < block_size) return;
    if (store_.options.durability != Durability::sync) {
        if (const auto synced = store_.journal.sync(); !synced) return store_.poison(synced.error().describe());
        durable_lsn_ = store_.journal.position();
    }
    staging_.clear();
    trailer_.entries.clear();
    put_trailer(FrameKind::durable_mark, flags);
    if (!write_group()) return;
    if (store_.options.durability != Durability::sync) {
        if (const auto synced = store_.journal.sync(); !synced) return store_.poison(synced.error().describe());
    }
}

void Sequencer::publish_frame(Shard& shard, const FramePtr& frame) {
    auto& counters = store_.counters;
    ++counters.frames;
    counters.records += frame->record_count();
    counters.payload_bytes += frame->payload_bytes();
    counters.dirty_bytes += cached_size(*frame);
    store_.publish(shard, frame, woken_);
}

void Sequencer::publish_direct(ShardPtr shard, FramePtr frame, const SegmentReference& reference, Lsn lsn) {
    publish_frame(*shard, frame);
    events_.push_back({.kind = FlushEvent::Kind::direct,
                       .shard = std::move(shard),
                       .frame = std::move(frame),
                       .reference = reference,
                       .lsn = lsn});
}

void Sequencer::publish_data(ShardPtr shard, FramePtr frame) {
    publish_frame(*shard, frame);
    events_.push_back({.kind = FlushEvent::Kind::data, .shard = std::move(shard), .frame = std::move(frame)});
}

void Sequencer::publish_trim(ShardPtr shard, SeqIx first_available) {
    const SeqIx first = store_.publish_trim(*shard, first_available);
    events_.push_back({.kind = FlushEvent::Kind::trim, .shard = std::move(shard), .seq = first});
}

void Sequencer::publish_dropped(const ShardPtr& shard) {
    store_.shards.erase(shard->uid);
    std::size_t bytes = 0;
    {
        const MutexLock lock(shard->mutex);
        shard->dropped = true;
        store_.forget_damage(*shard);
        for (const FramePtr& frame : shard->tail) bytes += cached_size(*frame);
        shard->tail.clear();
        take_waiters(*shard, woken_);
    }
    store_.note_uncached(*shard, bytes);
    events_.push_back({.kind = FlushEvent::Kind::drop, .shard = shard});
}

void Sequencer::publish_effects(const ShardEffects& effects, const std::vector<ShardPtr>& affected) {
    auto at = affected.begin();
    for (std::size_t i = 0; i < effects.create.size(); ++i, ++at) {
        if (*at == nullptr) continue;
        store_.shards.insert(*at);
        events_.push_back({.kind = FlushEvent::Kind::create, .shard = *at});
    }
    for (std::size_t i = 0; i < effects.close.size(); ++i, ++at) {
        if (*at == nullptr) continue;
        store_.publish_closed(**at, woken_);
        events_.push_back({.kind = FlushEvent::Kind::close, .shard = *at});
    }
    for (std::size_t i = 0; i < effects.drop.size(); ++i, ++at) {
        if (*at != nullptr) publish_dropped(*at);
    }
    for (const auto& trim : effects.trim) {
        const ShardPtr& shard = *at++;
        if (shard == nullptr) continue;
        publish_trim(shard, trim.first_available);
    }
}

FlushEvent Sequencer::group_end() const {
    return {.kind = FlushEvent::Kind::group_end,
            .lsn = store_.journal.position(),
            .generation = store_.journal.generation(),
            .next_command = next_command_,
            .last_command = last_command_,
            .last_command_now = last_command_now_};
}

void Sequencer::publish_group() {
    ++store_.counters.groups;
    for (Placed& placed : placed_) {
        switch (placed.kind) {
            case FrameKind::data:
                publish_data(std::move(placed.shard), std::move(placed.frame));
                break;
            case FrameKind::segment_reference:
                publish_direct(std::move(placed.shard), std::move(placed.frame), placed.reference, placed.lsn);
                break;
            case FrameKind::command:
                publish_effects(placed.effects, placed.affected);
                break;
            default:
                publish_trim(std::move(placed.shard), placed.trim);
        }
    }
    events_.push_back(group_end());
    if (has_command_) store_.applier.on_durable(last_command_);
    store_.flush_queue.push(events_, staging_.size() + group_direct_bytes_);
}

void Sequencer::wake_later(core::Core* core, core::Wakeup* wakeup, bool is_ahead) {
    wakeup->next = nullptr;
    for (Completion& completion : completions_) {
        if (completion.core != core || completion.is_ahead != is_ahead) continue;
        completion.last->next = wakeup;
        completion.last = wakeup;
        return;
    }
    completions_.push_back({.core = core, .is_ahead = is_ahead, .first = wakeup, .last = wakeup});
}

void Sequencer::wake_all() {
    for (const Completion& completion : completions_) {
        if (completion.core != nullptr) {
            if (completion.is_ahead) {
                core::post(*completion.core, [first = completion.first] { run_all(first); });
            } else {
                completion.core->wake_all(completion.first);
            }
            continue;
        }
        run_all(completion.first);
    }
    completions_.clear();
}

void Sequencer::complete_group(bool is_durable) {
    std::size_t commands = 0;
    while (group_items_ != nullptr) {
        QueueItem& item = *group_items_;
        group_items_ = item.next;
        store_.counters.queue_bytes -= item.bytes;
        if (is_media(item)) store_.counters.queue_media_bytes -= item.bytes;
        store_.counters.queue_frames -= item.frames;
        if (!is_durable) set_error(item, LogError::poisoned);
        // Clients that put without pause keep each core's queue of wakeups long; commands, which are few, pass it.
        const bool is_ahead = item.kind == QueueItem::Kind::command && commands < commands_ahead_max;
        if (is_ahead) ++commands;
        wake_later(item.core, item.wakeup, is_ahead);
    }
    group_items_end_ = &group_items_;
    while (woken_ != nullptr) {
        Waiter* waiter = woken_;
        woken_ = waiter->next;
        wake_later(waiter->core, waiter->wakeup, false);
    }
    wake_all();
}

bool Sequencer::step() {
    if (pending_ == nullptr) take_queued();
    const bool is_lane_free = !lane_.is_busy() || lane_.is_done();
    const bool has_lane_work = is_lane_free && (lane_.is_busy() || held_ != nullptr);
    if (pending_ == nullptr && media_ == nullptr && !has_lane_work) return false;
    placed_.clear();
    trailer_.entries.clear();
    has_command_ = has_trim_ = false;
    bool is_durable = !store_.is_poisoned();
    if (is_durable) {
        build_group();
    } else {
        // The store is poisoned: all items are returned without a place.
        QueueItem* in_job = lane_.is_busy() ? lane_.take().items : nullptr;
        for (QueueItem* list : {in_job, std::exchange(held_, nullptr), std::exchange(pending_, nullptr),
                                std::exchange(media_, nullptr)}) {
            *group_items_end_ = list;
            while (*group_items_end_ != nullptr) group_items_end_ = &(*group_items_end_)->next;
        }
        held_end_ = &held_;
        media_end_ = &media_;
        lane_bytes_ = returned_ = 0;
    }
    if (is_durable && !trailer_.entries.empty()) {
        is_marked_ = false;
        put_trailer(FrameKind::group_trailer, 0);
        is_durable = write_group() && sync_commands();
        if (is_durable) publish_group();
        sync_if_due();
    }
    complete_group(is_durable);
    return true;
}

}  // namespace riacho::log::detail
