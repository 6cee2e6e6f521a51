// How an Archive learns what its shards hold: from the newest root of the index shard, from what the index shard has
// beyond it, and from what the media shard has beyond that.
#include <algorithm>

#include "base/try.h"
#include "core/clock.h"
#include "core/log.h"
#include "core/task.h"
#include "log/record_log.h"
#include "video/archive.h"

namespace riacho::video {

using log::LogError;
using log::SeqIx;

namespace {

// Of one read.
constexpr log::ReadLimits read_limits{.records_max = 1'000, .bytes_max = std::size_t{4} << 20};

ReadError to_read_error(LogError error) {
    switch (error) {
        case LogError::unknown_shard:
        case LogError::sealed:
            return ReadError::gone;
        case LogError::overloaded:
        case LogError::disk_full:
        case LogError::poisoned:
        case LogError::shutting_down:
            return ReadError::unavailable;
        case LogError::corrupt:
            return ReadError::damaged;
    }
    return ReadError::unavailable;
}

}  // namespace

// One at a time; the others wait for it.
Task<Archive::Result<void>> Archive::open(core::Core& core) {
    {
        Waiters::Entry entry(opening_, core);
        for (;;) {
            {
                const MutexLock guard(mutex_);
                if (state_ == State::open) co_return Result<void>();
                if (state_ == State::closed) {
                    state_ = State::opening;
                    break;
                }
            }
            co_await entry.wait(1'000);
        }
    }
    auto read = co_await read_index(core);
    {
        const MutexLock guard(mutex_);
        state_ = read ? State::open : State::closed;
    }
    opening_.notify();
    co_return read;
}

Task<Archive::Result<void>> Archive::read_index(core::Core& core) {
    const auto shard = co_await log_.state(core, index_);
    if (!shard) co_return fail(to_read_error(shard.error()));
    std::uint64_t from = shard->first_available.value();
    if (shard->next > shard->first_available) {
        const SeqIx last(shard->next.value() - 1);
        const auto read = co_await log_.read(core, index_, last, {.records_max = 1}, TimestampMs(0));
        if (!read) co_return fail(to_read_error(read.error()));
        std::uint64_t root_at = 0;
        for (const log::FrameSlice& slice : read->slices) {
            for (const log::RecordView& record : slice.records()) {
                const auto parsed = parse_index_record(record.data);
                if (!parsed) continue;
                root_at = parsed->kind == IndexRecord::Kind::root ? record.seq.value() : parsed->root;
            }
        }
        if (root_at >= from) {
            const auto at_root = co_await log_.read(core, index_, SeqIx(root_at), {.records_max = 1}, TimestampMs(0));
            if (!at_root) co_return fail(to_read_error(at_root.error()));
            for (const log::FrameSlice& slice : at_root->slices) {
                for (const log::RecordView& record : slice.records()) {
                    const auto parsed = parse_index_record(record.data);
                    if (!parsed || parsed->kind != IndexRecord::Kind::root) continue;
                    const MutexLock guard(mutex_);
                    take_index_record(*parsed, record.seq.value());
                    from = std::max(from, parsed->first_increment);
                }
            }
        }
    }
    for (SeqIx next(from); next < shard->next;) {
        const auto read = co_await log_.read(core, index_, next, read_limits, TimestampMs(0));
        if (!read) co_return fail(to_read_error(read.error()));
        {
            const MutexLock guard(mutex_);
            for (const log::FrameSlice& slice : read->slices) {
                for (const log::RecordView& record : slice.records()) {
                    if (const auto parsed = parse_index_record(record.data))
                        take_index_record(*parsed, record.seq.value());
                }
            }
        }
        if (read->at_tip || read->next <= next) break;
        next = read->next;
    }
    std::uint64_t through = 0;
    {
        const MutexLock guard(mutex_);
        through = through_;
    }
    co_return co_await read_media(core, through + 1);
}

void Archive::take_index_record(const IndexRecord& record, std::uint64_t position) {
    through_ = std::max(through_, record.media_through);
    switch (record.kind) {
        case IndexRecord::Kind::increment:
            for (const FragmentEntry& entry : record.entries) insert(entry, MonotonicNs(), false);
            increments_.push_back({position, std::ranges::max(record.entries, {}, &FragmentEntry::sequence).sequence});
            break;
        case IndexRecord::Kind::page: {
            const PageSummary page = summary_of(record.entries, position);
            if (!pages_->empty() && page.first_sequence <= pages_->back().first_sequence) break;  // the root has it
            auto pages = std::make_shared<std::vector<PageSummary>>(*pages_);
            pages->push_back(page);
            pages_ = std::move(pages);
            pages_through_ = record.entries.back().sequence;
            for (const FragmentEntry& entry : record.entries) {
                max_position_ = std::max(max_position_, entry.position);
                const auto found = recent_.find(entry.sequence);
                if (found == recent_.end()) continue;
                if (found->second.pending) --pending_;
                recent_.erase(found);
            }
            break;
        }
        case IndexRecord::Kind::root: {
            root_ = std::max(root_, position);
            if (!pages_->empty()) break;  // one that was read again on the way
            pages_ = std::make_shared<const std::vector<PageSummary>>(record.pages);
            break;
        }
        case IndexRecord::Kind::directory:
            break;
    }
    while (!increments_.empty() && increments_.front().last_sequence <= pages_through_) increments_.pop_front();
}

Task<Archive::Result<void>> Archive::read_media(core::Core& core, std::uint64_t from) {
    // Without a root the last sequence in a page is known from the pages alone; with one, from its last page.
    std::shared_ptr<const std::vector<PageSummary>> pages;
    std::uint64_t pages_through = 0;
    {
        const MutexLock guard(mutex_);
        pages = pages_;
        pages_through = pages_through_;
    }
    if (!pages->empty() && pages_through < pages->back().first_sequence) {
        View last;
        last.pages = pages;
        last.recent = std::make_shared<const Page>();
        CO_TRY(const auto page, co_await block(core, last, pages->size() - 1));
        const MutexLock guard(mutex_);
        pages_through_ = std::max(pages_through_, page->back().sequence);
        while (!recent_.empty() && recent_.begin()->first <= pages_through_) {
            if (recent_.begin()->second.pending) --pending_;
            recent_.erase(recent_.begin());
        }
    }
    const auto shard = co_await log_.state(core, media_);
    if (!shard) co_return fail(to_read_error(shard.error()));
    for (SeqIx next(std::max(from, shard->first_available.value())); next < shard->next;) {
        const auto read = co_await log_.read(core, media_, next, read_limits, TimestampMs(0));
        if (!read && read.error() == LogError::corrupt) {
            // Fragments beyond the damage are still there, but not found by this way; a reader of the place is told.
            core::log_line(core::LogLevel::error, "video index stops at damaged media",
                           {{"shard", media_.value()}, {"at", next.value()}});
            co_return Result<void>();
        }
        if (!read) co_return fail(to_read_error(read.error()));
        {
            const MutexLock guard(mutex_);
            for (const log::FrameSlice& slice : read->slices) {
                for (const log::RecordView& record : slice.records()) {
                    if (record.partition_key != closing_key) continue;
                    const auto parsed = parse_closing(record.data, record.seq.value());
                    if (parsed) insert(parsed->closing.entry, MonotonicNs(), true);
                }
            }
        }
        if (read->at_tip || read->next <= next) break;
        next = read->next;
    }
    co_return Result<void>();
}

}  // namespace riacho::video
