// Opening an Archive: reads the newest root of the index shard, the records after it, and the records of the media
// shard that the index lacks.
#include <algorithm>
#include <optional>

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

}  // namespace

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

// One at a time; other callers wait for it.
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

void Archive::forget_index() {
    core::log_line(core::LogLevel::error, "video index is damaged and is made again from its media",
                   {{"shard", index_.value()}});
    ++generation_;
    is_distrusted_ = true;
    state_ = State::closed;
    pages_ = std::make_shared<const std::vector<PageSummary>>();
    directories_.clear();
    in_directories_ = 0;
    pages_through_ = 0;
    increments_.clear();
    root_ = 0;
    through_ = 0;
    recent_copy_ = nullptr;
}

// Reads the index shard, then the records of the media shard that it lacks.
Task<Archive::Result<void>> Archive::read_index(core::Core& core) {
    bool is_distrusted = false;
    {
        const MutexLock guard(mutex_);
        is_distrusted = is_distrusted_;
    }
    const auto shard = co_await log_.state(core, index_);
    if (!shard) co_return fail(to_read_error(shard.error()));
    if (!is_distrusted) {
        const auto read = co_await read_records(core, shard->first_available.value(), shard->next.value());
        if (!read && read.error() != ReadError::damaged) co_return fail(read.error());
        if (!read) {
            const MutexLock guard(mutex_);
            forget_index();
            state_ = State::opening;
        }
    }
    std::uint64_t through = 0;
    {
        const MutexLock guard(mutex_);
        through = through_;
    }
    co_return co_await read_media(core, through + 1);
}

// The records of the index shard from the newest root on; without one, all.
Task<Archive::Result<void>> Archive::read_records(core::Core& core, std::uint64_t from, std::uint64_t end) {
    if (from >= end) co_return Result<void>();
    const auto one = [&](std::uint64_t at) {
        return log_.read(core, index_, SeqIx(at), {.records_max = 1}, TimestampMs(0));
    };
    const auto first_record = [](const log::ReadResult& read) -> std::optional<IndexRecord> {
        for (const log::FrameSlice& slice : read.slices) {
            for (const log::RecordView& record : slice.records()) return parse_index_record(record.data);
        }
        return std::nullopt;
    };
    const auto last = co_await one(end - 1);
    if (!last) co_return fail(to_read_error(last.error()));
    const auto newest = first_record(*last);
    if (!newest) co_return fail(ReadError::damaged);
    const std::uint64_t root_at = newest->kind == IndexRecord::Kind::root ? end - 1 : newest->root;
    if (root_at >= from) {
        const auto read = co_await one(root_at);
        if (!read) co_return fail(to_read_error(read.error()));
        auto root = first_record(*read);
        if (!root || root->kind != IndexRecord::Kind::root) co_return fail(ReadError::damaged);
        from = std::max(from, root->first_increment);
        {
            const MutexLock guard(mutex_);
            root_ = root_at;
            through_ = std::max(through_, root->media_through);
        }
        CO_TRY_VOID(co_await read_directories(core, *std::move(root)));
    }
    for (SeqIx next(from); next < SeqIx(end);) {
        const auto read = co_await log_.read(core, index_, next, read_limits, TimestampMs(0));
        if (!read) co_return fail(to_read_error(read.error()));
        const MutexLock guard(mutex_);
        for (const log::FrameSlice& slice : read->slices) {
            for (const log::RecordView& record : slice.records()) {
                const auto parsed = parse_index_record(record.data);
                if (!parsed) co_return fail(ReadError::damaged);
                take_index_record(*parsed, record.seq.value());
            }
        }
        if (read->at_tip || read->next <= next) break;
        next = read->next;
    }
    co_return Result<void>();
}

// Reads all pages of a root, those in its directories and its own.
Task<Archive::Result<void>> Archive::read_directories(core::Core& core, IndexRecord root) {
    std::vector<PageSummary> pages;
    std::vector<PageSummary> directories;
    for (const PageSummary& directory : root.directories) {
        const auto read =
            co_await log_.read(core, index_, SeqIx(directory.position), {.records_max = 1}, TimestampMs(0));
        if (!read) co_return fail(to_read_error(read.error()));
        if (read->slices.empty()) continue;
        const log::RecordView record = *read->slices.front().records().begin();
        if (record.seq.value() != directory.position) continue;  // retention has removed it with its pages
        const auto parsed = parse_index_record(record.data);
        if (!parsed || parsed->kind != IndexRecord::Kind::directory) co_return fail(ReadError::damaged);
        directories.push_back(directory);
        pages.insert(pages.end(), parsed->pages.begin(), parsed->pages.end());
    }
    const std::size_t in_directories = pages.size();
    pages.insert(pages.end(), root.pages.begin(), root.pages.end());
    const MutexLock guard(mutex_);
    directories_ = std::move(directories);
    in_directories_ = in_directories;
    pages_ = std::make_shared<const std::vector<PageSummary>>(std::move(pages));
    co_return Result<void>();
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
            // the root has the page
            if (!pages_->empty() && page.first_sequence <= pages_->back().first_sequence) break;
            auto pages = std::make_shared<std::vector<PageSummary>>(*pages_);
            pages->push_back(page);
            pages_ = std::move(pages);
            pages_through_ = record.entries.back().sequence;
            recent_copy_ = nullptr;
            for (const FragmentEntry& entry : record.entries) {
                max_position_ = std::max(max_position_, entry.position);
                const auto found = recent_.find(entry.sequence);
                if (found == recent_.end()) continue;
                if (found->second.pending) --pending_;
                recent_.erase(found);
            }
            break;
        }
        case IndexRecord::Kind::directory:  // a directory without a root: its pages are also listed one by one
            break;
        case IndexRecord::Kind::root:
            root_ = std::max(root_, position);
            break;
    }
    while (!increments_.empty() && increments_.front().last_sequence <= pages_through_) increments_.pop_front();
}

Task<Archive::Result<void>> Archive::read_media(core::Core& core, std::uint64_t from) {
    // The last sequence of a page is only in the page itself.
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
        const auto page = co_await block(core, last, pages->size() - 1);
        if (!page && page.error() != ReadError::damaged) co_return fail(page.error());
        const MutexLock guard(mutex_);
        if (page) {
            // Retention may have removed the page.
            const std::uint64_t known = (*page)->empty() ? pages->back().first_sequence : (*page)->back().sequence;
            pages_through_ = std::max(pages_through_, known);
        } else {
            forget_index();
            state_ = State::opening;
            from = 1;
        }
        recent_copy_ = nullptr;
        while (!recent_.empty() && recent_.begin()->first <= pages_through_) {
            if (recent_.begin()->second.pending) --pending_;
            recent_.erase(recent_.begin());
        }
    }
    const auto shard = co_await log_.state(core, media_);
    if (!shard) co_return fail(to_read_error(shard.error()));
    // After damage records are read one by one, up to this number.
    constexpr std::size_t careful_reads = 64;
    std::size_t careful = 0;
    // Entries become pages while years of media are read. The dropped ones are so old that no older entries follow.
    constexpr std::size_t unpaged_max = 8 * page_entries;
    std::size_t unpaged = 0;
    for (SeqIx next(std::max(from, shard->first_available.value())); next < shard->next;) {
        if (is_stopping_ || ended_) co_return fail(ReadError::unavailable);
        if (unpaged > unpaged_max && co_await write_page(core)) unpaged -= page_entries;
        log::ReadLimits limits = read_limits;
        if (careful > 0) limits.records_max = 1;
        const auto read = co_await log_.read(core, media_, next, limits, TimestampMs(0));
        if (!read && read.error() == LogError::corrupt) {
            if (careful == 0) {
                core::log_line(core::LogLevel::error, "video index passes damaged media",
                               {{"shard", media_.value()}, {"at", next.value()}});
            } else {
                next = next.plus(1);
            }
            careful = careful_reads;
            continue;
        }
        if (!read) co_return fail(to_read_error(read.error()));
        if (careful > 0) --careful;
        {
            const MutexLock guard(mutex_);
            for (const log::FrameSlice& slice : read->slices) {
                for (const log::RecordView& record : slice.records()) {
                    if (record.partition_key != closing_key) continue;
                    const auto parsed = parse_closing(record.data, record.seq.value());
                    if (!parsed) continue;
                    insert(parsed->closing.entry, MonotonicNs(), true);
                    ++unpaged;
                }
            }
        }
        if (read->at_tip || read->next <= next) break;
        next = read->next;
    }
    co_return Result<void>();
}

}  // namespace riacho::video
