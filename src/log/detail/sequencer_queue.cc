// The sequencer's queue: admission and order.
#include <utility>

#include "base/check.h"
#include "core/runtime.h"
#include "log/detail/sequencer.h"

namespace riacho::log::detail {

void Sequencer::set_error(QueueItem& item, LogError error) {
    switch (item.kind) {
        case QueueItem::Kind::append:
            for (ShardBatch& batch : static_cast<AppendRequest&>(item).batches) {
                // A batch that was refused for a specific reason keeps that error.
                if (batch.result || batch.result.error() == LogError::shutting_down) batch.result = fail(error);
            }
            return;
        case QueueItem::Kind::command:
            static_cast<CommandRequest&>(item).result = fail(error);
            return;
        case QueueItem::Kind::trim:
            static_cast<TrimRequest&>(item).done = false;
            return;
    }
}

void Sequencer::refuse(QueueItem& item, LogError error) {
    set_error(item, error);
    if (item.core != nullptr) {
        item.core->wake(*item.wakeup);
    } else {
        item.wakeup->run();
    }
}

void Sequencer::submit(QueueItem& item) {
    item.next = nullptr;
    item.bytes = frame_header_size;
    item.frames = 1;
    item.is_journaled = false;
    if (item.kind == QueueItem::Kind::append) {
        item.bytes = 0;
        const auto batches = static_cast<AppendRequest&>(item).batches;
        for (const ShardBatch& batch : batches) {
            RIACHO_CHECK(!batch.batch.empty());
            item.bytes += batch.batch.size_on_disk();
        }
        item.frames = batches.size();
    } else if (item.kind == QueueItem::Kind::command) {
        item.bytes += static_cast<CommandRequest&>(item).command.size();
    }
    if (store_.is_poisoned()) return refuse(item, LogError::poisoned);
    if (item.kind == QueueItem::Kind::append && store_.is_low()) return refuse(item, LogError::disk_full);
    auto& counters = store_.counters;
    bool is_stopping = false;
    {
        const MutexLock lock(mutex_);
        is_stopping = stopping_;
        const bool is_control = item.kind != QueueItem::Kind::append;
        const std::size_t bytes_max = store_.options.queue_bytes_max + (is_control ? queue_control_bytes : 0);
        const std::size_t frames_max = queue_frames_max + (is_control ? queue_control_frames : 0);
        const std::size_t media_bytes = is_media(item) ? item.bytes : 0;
        const bool has_room = counters.queue_bytes + item.bytes <= bytes_max &&
                              counters.queue_frames + item.frames <= frames_max &&
                              (media_bytes == 0 || counters.queue_media_bytes + media_bytes <= queue_media_bytes_max);
        if (!is_stopping && has_room) {
            counters.queue_bytes += item.bytes;
            if (media_bytes > 0) counters.queue_media_bytes += media_bytes;
            counters.queue_frames += item.frames;
            (head_ == nullptr ? head_ : tail_->next) = &item;
            tail_ = &item;
            if (waiting_) more_.notify_one();
            return;
        }
    }
    refuse(item, is_stopping ? LogError::shutting_down : LogError::overloaded);
}

void Sequencer::stop() {
    const MutexLock lock(mutex_);
    stopping_ = true;
    more_.notify_one();
}

void Sequencer::take_queued() {
    QueueItem* item = nullptr;
    {
        const MutexLock lock(mutex_);
        tail_ = nullptr;
        item = std::exchange(head_, nullptr);
    }
    if (store_.counters.queue_media_bytes == 0) {
        pending_ = item;
        return;
    }
    QueueItem** end = &pending_;
    while (item != nullptr) {
        QueueItem**& at = is_media(*item) ? media_end_ : end;
        *at = item;
        at = &item->next;
        item = std::exchange(item->next, nullptr);
    }
}

bool Sequencer::wait_for_work() {
    bool is_idle = false;
    {
        const MutexLock lock(mutex_);
        if (head_ != nullptr || std::exchange(is_lane_done_, false)) return true;
        const bool is_lane_busy = lane_.is_busy();
        if (stopping_ && !is_lane_busy) return false;
        waiting_ = true;
        if (is_lane_busy) {
            more_.wait(mutex_);
        } else if (store_.options.durability == Durability::interval && !is_synced_) {
            more_.wait_for_ms(mutex_, store_.options.interval_ms);
        } else if (store_.options.durability == Durability::sync && !is_marked_) {
            is_idle = !more_.wait_for_ms(mutex_, mark_after_idle_ms) && head_ == nullptr;
        } else {
            more_.wait(mutex_);
        }
        waiting_ = false;
    }
    if (is_idle) write_mark(0);
    sync_if_due();
    return true;
}

void Sequencer::note_lane_done() {
    const MutexLock lock(mutex_);
    is_lane_done_ = true;
    if (waiting_) more_.notify_one();
}

void Sequencer::run() {
    for (;;) {
        if (!step() && !wait_for_work()) return;
    }
}

}  // namespace riacho::log::detail
