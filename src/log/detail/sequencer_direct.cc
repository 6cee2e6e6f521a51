// The sequencer's part in direct writes: which batches go to their segments directly, and the references to them.
//
// A shard whose frames the lane is writing has its next numbers promised to them: until the references are placed,
// every other request for the shard waits. Commands that may end shards wait for the lane, too: a reference cannot be
// placed behind the end of its shard. Others are placed in front of the references, and find the state of the shards at
// that place of the order, without the numbers that are promised.
#include <algorithm>
#include <utility>

#include "base/check.h"
#include "log/detail/sequencer.h"

namespace riacho::log::detail {
namespace {

using Choice = DirectWrites::Choice;

void append(QueueItem& item, QueueItem**& end) {
    item.next = nullptr;
    *end = &item;
    end = &item.next;
}

}  // namespace

bool Sequencer::is_direct_allowed() const {
    const Options& options = store_.options;
    return options.large_bytes_min != SIZE_MAX && options.durability == Durability::sync && !store_.is_out_of_space() &&
           store_.clock.monotonic() >= direct_paused_until_;
}

bool Sequencer::goes_to_lane(const QueueItem& item) const {
    if (item.kind != QueueItem::Kind::append || item.is_journaled) return false;
    const std::size_t mean = item.bytes / std::max<std::size_t>(item.frames, 1);
    const std::size_t large = store_.options.large_bytes_min;
    const bool is_candidate = mean >= large / large_batch_part && is_direct_allowed();
    // While the lane is busy a batch that is not large by itself waits only if its shard is written to directly.
    if (is_candidate && (mean >= large / large_shard_part || !lane_.is_busy())) return true;
    if (held_ == nullptr && !lane_.is_busy()) return false;
    return std::ranges::any_of(static_cast<const AppendRequest&>(item).batches, [&](const ShardBatch& batch) {
        const auto at = shards_.find(batch.shard);
        if (at == shards_.end() || at->second->sequencing.direct == nullptr) return false;
        const DirectWrites& direct = *at->second->sequencing.direct;
        return direct.held > 0 || direct.is_in_job || (is_candidate && direct.has_segment);
    });
}

bool Sequencer::waits_for_lane(const QueueItem& item) const {
    return item.kind == QueueItem::Kind::command &&
           store_.applier.may_end_shards(static_cast<const CommandRequest&>(item).command);
}

void Sequencer::hold(QueueItem& item) {
    append(item, held_end_);
    for (const ShardBatch& batch : static_cast<AppendRequest&>(item).batches) {
        const auto at = shards_.find(batch.shard);
        if (at == shards_.end()) continue;
        auto& direct = at->second->sequencing.direct;
        if (direct == nullptr) direct = std::make_unique<DirectWrites>();
        ++direct->held;
    }
}

void Sequencer::release(QueueItem& item) {
    for (const ShardBatch& batch : static_cast<AppendRequest&>(item).batches) {
        const auto at = shards_.find(batch.shard);
        if (at == shards_.end() || at->second->sequencing.direct == nullptr) continue;
        // A shard may have been created since.
        if (at->second->sequencing.direct->held > 0) --at->second->sequencing.direct->held;
    }
}

// --- Composing a job ---

void Sequencer::sum_held() {
    choosing_.clear();
    std::size_t total = 0;
    for (const QueueItem* item = held_; item != nullptr; item = item->next) {
        for (const ShardBatch& batch : static_cast<const AppendRequest&>(*item).batches) {
            const auto at = shards_.find(batch.shard);
            if (at == shards_.end()) continue;
            auto& direct = at->second->sequencing.direct;
            if (direct == nullptr) direct = std::make_unique<DirectWrites>();
            if (direct->waiting_bytes == 0) choosing_.push_back(at->second);
            direct->waiting_bytes += batch.batch.size_on_disk();
        }
        total += item->bytes;
    }
    small_jobs_ = total >= store_.options.large_bytes_min ? 0 : small_jobs_ + 1;
}

bool Sequencer::is_worth_it(const Shard& shard) const {
    const DirectWrites& direct = *shard.sequencing.direct;
    const std::size_t bytes_min = store_.options.large_bytes_min;
    // A segment that there is already is gone on with for a while, also with less.
    if (direct.has_segment)
        return direct.waiting_bytes >= bytes_min / large_again_part && small_jobs_ <= small_jobs_max;
    return direct.waiting_bytes >= bytes_min / large_shard_part && direct.bytes_before == 0 && small_jobs_ == 0;
}

Sequencer::Lot Sequencer::lot_of(const AppendRequest& request, const DirectJob& job) {
    bool is_blocked = false;
    bool is_in_job = false;
    bool is_behind_journaled = false;
    bool is_worth = is_direct_allowed();
    bool has_shard = false;
    std::size_t shards = job.runs.size();
    for (const ShardBatch& batch : request.batches) {
        const auto at = shards_.find(batch.shard);
        if (at == shards_.end() || at->second->sequencing.closed) continue;
        const DirectWrites& direct = *at->second->sequencing.direct;
        has_shard = true;
        is_blocked |= direct.choice == Choice::blocked;
        is_in_job |= direct.choice == Choice::in_job;
        is_behind_journaled |= direct.choice == Choice::journal;
        if (direct.choice == Choice::open) ++shards;
        is_worth &= direct.leftover.value() == 0 && is_worth_it(*at->second);
    }
    if (is_blocked) return Lot::wait;
    if (!is_worth || !has_shard || is_behind_journaled) return is_in_job ? Lot::wait : Lot::journal;
    // The references have to fit into one group.
    const std::size_t frames_max = std::min(job_frames_max, store_.journal.room_max() / 512);
    const bool is_media = request.shard_class == ShardClass::media;
    const bool is_shared = is_media ? job.has_records : job.media_bytes > group_media_bytes_max;
    const bool is_over = job.bytes + request.bytes > job_bytes_max || job.frames + request.frames > frames_max ||
                         shards > job_shards_max ||
                         (is_shared && job.media_bytes + (is_media ? request.bytes : 0) > group_media_bytes_max);
    if (job.items != nullptr && is_over) return Lot::wait;
    if (job.items != nullptr) return store_.has_memory(job.bytes + memory_needed(request)) ? Lot::job : Lot::wait;
    // As for the journal, the first one waits for memory, unless others wait for the group.
    const bool may_wait = trailer_.entries.empty() && !is_job_out_of_memory_;
    const bool has_memory = may_wait ? make_memory(request) : store_.has_memory(memory_needed(request));
    is_job_out_of_memory_ = !has_memory;
    return request.frames <= frames_max && has_memory ? Lot::job : Lot::journal;
}

DirectRun& Sequencer::run_of(const ShardPtr& shard, DirectJob& job) {
    DirectWrites& direct = *shard->sequencing.direct;
    if (direct.choice == Choice::in_job) return job.runs[direct.run];
    direct.choice = Choice::in_job;
    direct.run = job.runs.size();
    direct.is_in_job = true;
    DirectRun& run = job.runs.emplace_back();
    run.shard = shard;
    const MutexLock lock(shard->mutex);
    run.end_before = shard->direct_end;
    const std::size_t more = std::min(direct.waiting_bytes, job_bytes_max);
    const bool is_full = shard->direct_end + more > store_.segments.segment_bytes(*shard);
    const bool is_old = now_.value() - direct.created.value() > store_.options.segment_age_ms_max;
    run.is_new = shard->direct_base.value() == 0 || is_full || is_old;
    run.base = run.is_new ? shard->sequencing.next : shard->direct_base;
    run.created = run.is_new ? std::max(now_, shard->sequencing.last_arrival) : direct.created;
    run.start = run.end = run.is_new ? file_header_size : shard->direct_end;
    shard->direct_end = direct_end_unknown;
    return run;
}

void Sequencer::add_to_job(AppendRequest& request, DirectJob& job) {
    for (ShardBatch& batch : request.batches) {
        const auto at = shards_.find(batch.shard);
        if (at == shards_.end() || at->second->sequencing.closed) {
            batch.result = fail(at == shards_.end() ? LogError::unknown_shard : LogError::sealed);
            continue;
        }
        const Shard::Sequencing& state = at->second->sequencing;
        DirectRun& run = run_of(at->second, job);
        DirectFrame frame;
        frame.batch = &batch;
        frame.first = state.next;
        if (!run.frames.empty()) {
            const DirectFrame& before = run.frames.back();
            frame.first = before.first.plus(before.batch->batch.record_count());
        }
        frame.arrival = std::max(now_, state.last_arrival);
        frame.reference.segment = run.base;
        frame.reference.offset = run.end;
        frame.reference.size = batch.batch.size_on_disk();
        run.end += frame.reference.size;
        run.frames.push_back(std::move(frame));
    }
    job.bytes += request.bytes;
    job.frames += request.frames;
    if (request.shard_class == ShardClass::media) {
        job.media_bytes += request.bytes;
    } else {
        job.has_records = true;
    }
}

// A later request for these shards does not get into the job: it would get the numbers of this one, which is not in it.
void Sequencer::keep_out(const AppendRequest& request, Choice choice) {
    for (const ShardBatch& batch : request.batches) {
        const auto at = shards_.find(batch.shard);
        if (at != shards_.end()) at->second->sequencing.direct->choice = choice;
    }
}

bool Sequencer::begin_job() {
    if (held_ == nullptr || lane_.is_busy() || returned_ > 0) return false;
    if (pending_ != nullptr && waits_for_lane(*pending_)) return false;
    sum_held();
    is_job_out_of_memory_ = false;
    DirectJob job;
    QueueItem** job_end = &job.items;
    QueueItem* journal = nullptr;
    QueueItem** journal_end = &journal;
    QueueItem* item = std::exchange(held_, nullptr);
    held_end_ = &held_;
    while (item != nullptr) {
        QueueItem* next = item->next;
        auto& request = static_cast<AppendRequest&>(*item);
        switch (lot_of(request, job)) {
            case Lot::job:
                add_to_job(request, job);
                append(request, job_end);
                break;
            case Lot::journal:
                append(request, journal_end);
                keep_out(request, Choice::journal);
                break;
            case Lot::wait:
                append(request, held_end_);
                keep_out(request, Choice::blocked);
                break;
        }
        item = next;
    }
    for (const ShardPtr& shard : choosing_) {
        shard->sequencing.direct->choice = Choice::open;
        shard->sequencing.direct->waiting_bytes = 0;
    }
    choosing_.clear();
    send_back(journal);
    if (job.items == nullptr) return journal != nullptr;
    for (DirectRun& run : job.runs) {
        // The next write begins at a block: durable bytes are not written again. A pad is a frame, too.
        std::uint64_t end = round_up(run.end, block_size);
        if (end > run.end && end - run.end < frame_header_size) end += block_size;
        run.frames.back().reference.size += end - run.end;
        run.end = end;
    }
    lane_bytes_ = job.bytes + job.frames * (frame_alignment + cached_frame_overhead);
    lane_.begin(std::move(job));
    return journal != nullptr;
}

void Sequencer::send_back(QueueItem* items) {
    QueueItem* front[2] = {nullptr, nullptr};
    QueueItem** ends[2] = {&front[0], &front[1]};
    while (items != nullptr) {
        QueueItem& item = *items;
        items = item.next;
        release(item);
        item.is_journaled = true;
        ++returned_;
        append(item, ends[is_media(item) ? 1 : 0]);
    }
    if (front[0] != nullptr) {
        *ends[0] = pending_;
        pending_ = front[0];
    }
    if (front[1] != nullptr) {
        *ends[1] = media_;
        if (media_ == nullptr) media_end_ = ends[1];
        media_ = front[1];
    }
}

// --- Ending a job ---

void Sequencer::forget_job(DirectJob& job) {
    for (DirectRun& run : job.runs) {
        DirectWrites& direct = *run.shard->sequencing.direct;
        if (run.has_leftover) direct.leftover = run.base;
        const MutexLock lock(run.shard->mutex);
        run.shard->direct_end = run.end_before;
    }
}

void Sequencer::refuse_job(DirectJob& job, LogError error) {
    for (QueueItem* item = job.items; item != nullptr;) {
        QueueItem& refused = *std::exchange(item, item->next);
        release(refused);
        set_error(refused, error);
        append(refused, group_items_end_);
    }
}

void Sequencer::finish_job() {
    RIACHO_CHECK(trailer_.entries.empty());
    DirectJob job = lane_.take();
    lane_bytes_ = 0;
    for (const DirectRun& run : job.runs) run.shard->sequencing.direct->is_in_job = false;
    if (store_.is_poisoned()) return refuse_job(job, LogError::poisoned);
    if (job.error) {
        // No space, or no descriptors: the journal has room, as long as it has.
        forget_job(job);
        for (DirectRun& run : job.runs) {
            for (DirectFrame& direct : run.frames) {
                if (direct.frame != nullptr) direct.batch->batch = Batch::take_back(std::move(direct.frame));
            }
        }
        direct_paused_until_ = MonotonicNs(store_.clock.monotonic().value() + direct_pause_ms * 1'000'000);
        return send_back(job.items);
    }
    const std::size_t size = room_needed((frame_header_size + reference_body_size) * job.frames, job.frames);
    if (!leaves_reserve(size) || !make_room(size)) {
        for (DirectRun& run : job.runs) lane_.discard(run);
        forget_job(job);
        return refuse_job(job, store_.is_poisoned()       ? LogError::poisoned
                               : store_.is_out_of_space() ? LogError::disk_full
                                                          : LogError::overloaded);
    }
    for (DirectRun& run : job.runs) {
        for (DirectFrame& direct : run.frames) place_reference(run, direct);
        DirectWrites& direct = *run.shard->sequencing.direct;
        direct.has_segment = true;
        direct.created = run.created;
        const MutexLock lock(run.shard->mutex);
        run.shard->direct_base = run.base;
        run.shard->direct_end = run.end;
        run.shard->referenced_next = run.shard->sequencing.next;
    }
    group_direct_bytes_ = job.bytes;
    for (QueueItem* item = job.items; item != nullptr;) {
        QueueItem& placed = *std::exchange(item, item->next);
        release(placed);
        append(placed, group_items_end_);
    }
}

void Sequencer::place_reference(const DirectRun& run, DirectFrame& direct) {
    Shard::Sequencing& state = run.shard->sequencing;
    RIACHO_CHECK(direct.first == state.next && !state.closed, "the numbers of a direct write were given again");
    FrameHeader header = next_header(FrameKind::segment_reference);
    header.shard = run.shard->uid.value();
    header.base_seq = direct.first.value();
    header.record_count = direct.frame->record_count();
    header.body_size = reference_body_size;
    note_frame(header, staging_.size());
    std::byte* body = staging_.extend(header.size_on_disk()) + frame_header_size;
    encode_reference(direct.reference, std::span<std::byte, reference_body_size>(body, reference_body_size));
    put_frame(header, reference_body_size, body);
    state.next = direct.frame->next();
    state.last_arrival = direct.arrival;
    direct.batch->result =
        Appended{.first = direct.first, .count = direct.frame->record_count(), .arrival = direct.arrival};
    placed_.push_back({.kind = FrameKind::segment_reference,
                       .shard = run.shard,
                       .frame = std::move(direct.frame),
                       .reference = direct.reference,
                       .lsn = header.lsn});
}

// The shard's next records are in the journal, or there are none: its segment is left to the flusher.
void Sequencer::leave_direct(Shard& shard, std::size_t bytes) {
    if (shard.sequencing.direct == nullptr) return;
    DirectWrites& direct = *shard.sequencing.direct;
    direct.bytes_before -= std::min(direct.bytes_before, bytes);
    if (!std::exchange(direct.has_segment, false)) return;
    direct.bytes_before = store_.options.large_bytes_again;
    const MutexLock lock(shard.mutex);
    shard.direct_base = SeqIx(0);
}

// A file that has the number of a record in its name, but none of the records, must not outlive them.
bool Sequencer::delete_leftover(Shard& shard) {
    SeqIx& leftover = shard.sequencing.direct->leftover;
    if (leftover.value() == 0) return true;
    const auto gone = store_.fs.unlink(store_.segments.segment_path(shard, leftover));
    if (!gone && !gone.error().is_not_found()) {
        if (!gone.error().is_shortage()) store_.poison(gone.error().describe());
        return false;
    }
    leftover = SeqIx(0);
    return true;
}

}  // namespace riacho::log::detail
