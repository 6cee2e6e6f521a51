#include "video/archive.h"

#include <algorithm>
#include <cstring>

#include "core/clock.h"
#include "core/task.h"
#include "log/record_log.h"

namespace riacho::video {

using log::LogError;
using log::SeqIx;

namespace {

// Missing entries of the index shard are written when there are this many, or after this time.
constexpr std::size_t increment_entries = 4;
constexpr std::int64_t increment_age_ms = 5'000;
constexpr std::size_t increment_entries_max = 4'096;

log::Batch record_of(std::string_view key, std::size_t size, auto fill) {
    log::BatchBuilder builder(log::BatchBuilder::record_size(key.size(), false, size));
    fill(builder.add(key, nullptr, size).data());
    return builder.seal();
}

}  // namespace

Archive::Archive(log::RecordLog& log, core::Clock& clock, PageCache& pages, std::shared_ptr<Arrivals> arrivals,
                 const StreamRef& stream)
    : log_(log),
      clock_(clock),
      cache_(pages),
      arrivals_(std::move(arrivals)),
      media_(stream.media_shard()),
      index_(stream.index_shard()),
      retention_ms_(stream.settings.retention_ms()),
      least_ms_(stream.settings.floor_ms),
      pages_(std::make_shared<const std::vector<PageSummary>>()) {
    // The shards of a new stream are empty: its index need not be read.
    const auto media = log.last_known(media_);
    const auto index = log.last_known(index_);
    const bool is_new = media && index && media->next == SeqIx(1) && index->next == SeqIx(1);
    const MutexLock guard(mutex_);
    if (is_new) state_ = State::open;
}

void Archive::configure(const StreamRef& stream) {
    retention_ms_ = stream.settings.retention_ms();
    least_ms_ = stream.settings.floor_ms;
}

void Archive::end() {
    ended_ = true;
    arrivals_->waiters.notify();
}

std::int64_t Archive::floor_ms() const { return std::max(clock_.ago(retention_ms_.load()).value(), least_ms_.load()); }

Task<Expected<std::uint64_t, LogError>> Archive::append_chunk(core::Core& core, std::uint64_t sequence,
                                                              std::uint16_t index, const Pieces& part) {
    auto batch = record_of(chunk_key, chunk_head_size + part.size(), [&](std::byte* out) {
        put_chunk_head(out, sequence, index);
        part.copy_to(out + chunk_head_size);
    });
    const auto appended = co_await log_.append(core, media_, std::move(batch), log::ShardClass::media);
    if (!appended) co_return fail(appended.error());
    co_return appended->first.value();
}

Task<Expected<void, LogError>> Archive::append_closing(core::Core& core, Closing closing, const Pieces& part) {
    auto batch = record_of(closing_key, closing.head_size() + part.size(), [&](std::byte* out) {
        put_closing_head(out, closing);
        part.copy_to(out + closing.head_size());
    });
    std::uint64_t started_at = 0;
    {
        const MutexLock guard(mutex_);
        started_at = max_position_;
        closing_.insert(started_at);
    }
    const auto appended = co_await log_.append(core, media_, std::move(batch), log::ShardClass::media);
    const MutexLock guard(mutex_);
    if (appended) {
        closing.entry.position = appended->first.value();
        insert(closing.entry, clock_.monotonic(), true);
    }
    closing_.erase(closing_.find(started_at));
    if (!appended) co_return fail(appended.error());
    co_return Expected<void, LogError>();
}

// Every closing record up to this number has been inserted: appends in progress get greater numbers than there were
// when they began.
std::uint64_t Archive::safe_through() const { return closing_.empty() ? max_position_ : *closing_.begin(); }

void Archive::insert(const FragmentEntry& entry, MonotonicNs since, bool pending) {
    max_position_ = std::max(max_position_, entry.position);
    if (entry.sequence <= pages_through_) return;  // a page has it
    recent_copy_ = nullptr;
    Recent& recent = recent_[entry.sequence];
    if (recent.entry.sequence == 0) {
        recent = {entry, since, false};
    }
    if (pending && !recent.pending) {
        recent.pending = true;
        if (pending_++ == 0) pending_since_ = since;
    }
}

bool Archive::is_open() const {
    const MutexLock guard(mutex_);
    return state_ == State::open;
}

bool Archive::wants_index(Effort effort) const {
    const MutexLock guard(mutex_);
    if (pending_ == 0 || writing_ || (effort == Effort::if_open && state_ != State::open)) return false;
    return effort == Effort::all || pending_ >= increment_entries ||
           clock_.monotonic().value() - pending_since_.value() >= increment_age_ms * 1'000'000;
}

Task<void> Archive::write_index(core::Core& core, Effort effort) {
    if (!wants_index(effort)) co_return;
    {
        const MutexLock guard(mutex_);
        if (writing_ || pending_ == 0) co_return;
        writing_ = true;
    }
    // A page cannot be placed before the earlier ones are known.
    if (const auto opened = co_await open(core); opened && co_await write_increment(core)) {
        while (co_await write_page(core)) {
        }
    }
    const MutexLock guard(mutex_);
    writing_ = false;
}

// True when there is nothing to write. False: a write failed.
Task<bool> Archive::write_increment(core::Core& core) {
    IndexRecord record;
    std::uint64_t last_sequence = 0;
    std::uint64_t generation = 0;
    {
        const MutexLock guard(mutex_);
        generation = generation_;
        if (pending_ == 0) co_return true;
        for (const auto& [sequence, recent] : recent_) {
            if (!recent.pending) continue;
            record.entries.push_back(recent.entry);
            last_sequence = sequence;
        }
        std::ranges::sort(record.entries, {}, &FragmentEntry::position);
        record.media_through = safe_through();
        if (record.entries.size() > increment_entries_max) {
            record.entries.resize(increment_entries_max);
            record.media_through = std::min(record.media_through, record.entries.back().position);
            last_sequence = std::ranges::max(record.entries, {}, &FragmentEntry::sequence).sequence;
        }
        record.root = root_;
    }
    std::vector<std::uint64_t> written;
    for (const FragmentEntry& entry : record.entries) written.push_back(entry.sequence);
    const std::uint64_t through = record.media_through;
    const auto position = co_await append_index(core, std::move(record));
    if (!position) co_return false;
    const MutexLock guard(mutex_);
    if (generation != generation_) co_return false;
    for (const std::uint64_t sequence : written) {
        const auto found = recent_.find(sequence);
        if (found == recent_.end() || !found->second.pending) continue;
        found->second.pending = false;
        --pending_;
    }
    pending_since_ = clock_.monotonic();
    through_ = std::max(through_, through);
    increments_.push_back({*position, last_sequence});
    co_return true;
}

// Moves the oldest settled entries into a page, if there are enough. True: there may be enough for another page.
Task<bool> Archive::write_page(core::Core& core) {
    IndexRecord record;
    record.kind = IndexRecord::Kind::page;
    std::uint64_t known_through = 0;
    std::uint64_t generation = 0;
    {
        const MutexLock guard(mutex_);
        generation = generation_;
        if (recent_.size() < page_entries) co_return false;
        known_through = recent_.rbegin()->first;
    }
    // Read after the entries: a fragment that is neither arriving now nor known by then has a higher sequence.
    const std::uint64_t open_from = arrivals_->lowest_open();
    {
        const MutexLock guard(mutex_);
        for (const auto& [sequence, recent] : recent_) {
            if (sequence >= open_from || sequence > known_through || record.entries.size() == page_entries) break;
            record.entries.push_back(recent.entry);
        }
        if (record.entries.size() < page_entries) co_return false;
        record.root = root_;
        record.media_through = through_;
    }
    const auto page = std::make_shared<const Page>(record.entries);
    const auto position = co_await append_index(core, std::move(record));
    if (!position) co_return false;
    cache_.put(index_.value(), *position, page);
    std::uint64_t first_increment = 0;
    {
        const MutexLock guard(mutex_);
        if (generation != generation_) co_return false;
        const std::int64_t floor = floor_ms();
        auto pages = std::make_shared<std::vector<PageSummary>>(*pages_);
        const auto live = std::ranges::lower_bound(*pages, floor, {}, &PageSummary::last_server_ms);
        in_directories_ -= std::min(in_directories_, static_cast<std::size_t>(live - pages->begin()));
        pages->erase(pages->begin(), live);
        std::erase_if(directories_, [&](const PageSummary& old) { return old.last_server_ms < floor; });
        pages->push_back(summary_of(*page, *position));
        pages_ = std::move(pages);
        pages_through_ = page->back().sequence;
        recent_copy_ = nullptr;
        for (const FragmentEntry& entry : *page) {
            const auto found = recent_.find(entry.sequence);
            if (found == recent_.end()) continue;
            if (found->second.pending) --pending_;
            recent_.erase(found);
        }
        while (!increments_.empty() && increments_.front().last_sequence <= pages_through_) increments_.pop_front();
        first_increment = increments_.empty() ? *position + 1 : increments_.front().position;
    }
    if (!co_await write_directory(core)) co_return false;
    // Without the root the next start reads the page again.
    co_return co_await write_root(core, first_increment);
}

// Moves 512 pages into a directory when as many remain in the root, so that roots stay small. False: a write failed.
Task<bool> Archive::write_directory(core::Core& core) {
    IndexRecord record;
    record.kind = IndexRecord::Kind::directory;
    std::uint64_t generation = 0;
    {
        const MutexLock guard(mutex_);
        generation = generation_;
        if (pages_->size() - in_directories_ < 2 * directory_pages) co_return true;
        const auto first = pages_->begin() + static_cast<std::ptrdiff_t>(in_directories_);
        record.pages.assign(first, first + directory_pages);
        record.root = root_;
        record.media_through = through_;
    }
    const std::vector<PageSummary> pages = record.pages;
    const auto position = co_await append_index(core, std::move(record));
    if (!position) co_return false;
    const MutexLock guard(mutex_);
    if (generation != generation_) co_return false;
    directories_.push_back(summary_of(pages, *position));
    in_directories_ += directory_pages;
    co_return true;
}

Task<bool> Archive::write_root(core::Core& core, std::uint64_t first_increment) {
    IndexRecord root;
    root.kind = IndexRecord::Kind::root;
    root.first_increment = first_increment;
    std::uint64_t generation = 0;
    {
        const MutexLock guard(mutex_);
        generation = generation_;
        root.root = root_;
        root.media_through = through_;
        root.directories = directories_;
        root.pages.assign(pages_->begin() + static_cast<std::ptrdiff_t>(in_directories_), pages_->end());
    }
    const auto position = co_await append_index(core, std::move(root));
    if (!position) co_return false;
    const MutexLock guard(mutex_);
    if (generation != generation_) co_return false;
    root_ = *position;
    co_return true;
}

Task<Expected<std::uint64_t, LogError>> Archive::append_index(core::Core& core, IndexRecord record) {
    const std::string bytes = encode(record);
    auto batch =
        record_of(index_key, bytes.size(), [&](std::byte* out) { std::memcpy(out, bytes.data(), bytes.size()); });
    const auto appended = co_await log_.append(core, index_, std::move(batch), log::ShardClass::records);
    if (!appended) co_return fail(appended.error());
    co_return appended->first.value();
}

}  // namespace riacho::video
