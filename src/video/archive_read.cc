// An Archive's lookups. Sequences and server times ascend together, so both are found by binary search; producer times
// are searched through the summaries of pages.
#include <algorithm>
#include <limits>

#include "base/crc32c.h"
#include "base/try.h"
#include "core/clock.h"
#include "core/log.h"
#include "core/task.h"
#include "log/record_log.h"
#include "video/archive.h"

namespace riacho::video {

using log::LogError;
using log::SeqIx;
using Found = FragmentSource::Found;

namespace {

// The longest time a fragment lasts beyond its producer time (RuleLimits::span_ms_max).
constexpr std::int64_t span_ms_max = 20'000;
// The number of pages that one call of scan reads.
constexpr std::size_t scan_pages_max = 64;

bool contains_producer(const FragmentEntry& entry, std::int64_t ms) {
    return entry.producer_ms <= ms && ms <= entry.producer_ms + entry.span_ms;
}

}  // namespace

Task<Archive::Result<Archive::View>> Archive::view(core::Core& core) {
    if (ended_) co_return fail(ReadError::gone);
    CO_TRY_VOID(co_await open(core));
    View view;
    view.floor_ms = floor_ms();
    const MutexLock guard(mutex_);
    view.generation = generation_;
    view.pages = pages_;
    if (recent_copy_ == nullptr) {
        auto recent = std::make_shared<Page>();
        recent->reserve(recent_.size());
        for (const auto& [sequence, known] : recent_) recent->push_back(known.entry);
        recent_copy_ = std::move(recent);
    }
    view.recent = recent_copy_;
    co_return view;
}

Task<Archive::Result<std::shared_ptr<const Page>>> Archive::block(core::Core& core, View view, std::size_t index) {
    if (index == view.pages->size()) co_return view.recent;
    const std::uint64_t position = (*view.pages)[index].position;
    if (auto cached = cache_.find(index_.value(), position)) co_return cached;
    const auto read = co_await log_.read(core, index_, SeqIx(position), {.records_max = 1}, TimestampMs(0));
    if (!read && read.error() == LogError::corrupt) {
        const MutexLock guard(mutex_);
        if (state_ != State::open) co_return fail(ReadError::damaged);
        if (view.generation == generation_) forget_index();
        co_return fail(ReadError::unavailable);  // the next lookup reads the media
    }
    if (!read) co_return fail(to_read_error(read.error()));
    for (const log::FrameSlice& slice : read->slices) {
        for (const log::RecordView& record : slice.records()) {
            if (record.seq.value() != position) continue;
            auto parsed = parse_index_record(record.data);
            if (!parsed || parsed->kind != IndexRecord::Kind::page) break;
            auto page = std::make_shared<const Page>(std::move(parsed->entries));
            cache_.put(index_.value(), position, page);
            co_return page;
        }
    }
    // Retention has removed it meanwhile: a page without entries.
    co_return std::make_shared<const Page>();
}

// The first entry beyond a sequence whose server time is at least this.
Task<Found> Archive::first_of(core::Core& core, View view, std::uint64_t after_sequence, std::int64_t server_ms) {
    server_ms = std::max(server_ms, view.floor_ms);
    const auto& pages = *view.pages;
    // The page that may hold the sequence, and the first one that reaches the time.
    const auto by_sequence = std::ranges::upper_bound(pages, after_sequence, {}, &PageSummary::first_sequence);
    const auto by_time = std::ranges::lower_bound(pages, server_ms, {}, &PageSummary::last_server_ms);
    const auto from_sequence = by_sequence == pages.begin() ? by_sequence : by_sequence - 1;
    auto index = static_cast<std::size_t>(std::max(from_sequence, by_time) - pages.begin());
    for (; index < view.block_count(); ++index) {
        CO_TRY(const auto entries, co_await block(core, view, index));
        const auto found = std::ranges::partition_point(*entries, [&](const FragmentEntry& entry) {
            return entry.sequence <= after_sequence || entry.server_ms < server_ms;
        });
        if (found != entries->end()) co_return std::optional(*found);
    }
    co_return std::optional<FragmentEntry>();
}

Task<Found> Archive::newest(core::Core& core) {
    CO_TRY(const View known, co_await view(core));
    for (std::size_t index = known.block_count(); index-- > 0;) {
        CO_TRY(const auto entries, co_await block(core, known, index));
        if (entries->empty()) continue;
        if (entries->back().server_ms < known.floor_ms) break;
        co_return std::optional(entries->back());
    }
    co_return std::optional<FragmentEntry>();
}

Task<Found> Archive::at(core::Core& core, std::uint64_t sequence) {
    if (sequence == 0) co_return std::optional<FragmentEntry>();
    CO_TRY(const auto found, co_await after(core, sequence - 1));
    if (found && found->sequence == sequence) co_return found;
    co_return std::optional<FragmentEntry>();
}

Task<Found> Archive::after(core::Core& core, std::uint64_t sequence) {
    CO_TRY(View known, co_await view(core));
    co_return co_await first_of(core, std::move(known), sequence, 0);
}

Task<Found> Archive::first_from_server(core::Core& core, std::int64_t server_ms) {
    CO_TRY(View known, co_await view(core));
    co_return co_await first_of(core, std::move(known), 0, server_ms);
}

Task<Found> Archive::containing(core::Core& core, TimeAxis axis, std::int64_t ms) {
    CO_TRY(View known, co_await view(core));
    if (axis == TimeAxis::server) co_return co_await containing_server(core, std::move(known), ms);
    co_return co_await containing_producer(core, std::move(known), ms);
}

Task<Found> Archive::containing_server(core::Core& core, View view, std::int64_t ms) {
    CO_TRY(const auto later, co_await first_of(core, view, 0, ms == INT64_MAX ? ms : ms + 1));
    // The fragment before `later` began at or before the instant.
    const std::uint64_t bound = later ? later->sequence : std::numeric_limits<std::uint64_t>::max();
    for (std::size_t index = view.block_count(); index-- > 0;) {
        if (index < view.pages->size() && (*view.pages)[index].first_sequence >= bound) continue;
        CO_TRY(const auto entries, co_await block(core, view, index));
        const auto end = std::ranges::lower_bound(*entries, bound, {}, &FragmentEntry::sequence);
        if (end == entries->begin()) continue;
        const FragmentEntry& before = *(end - 1);
        if (before.server_ms >= view.floor_ms && ms < before.server_ms + before.duration_ms) {
            co_return std::optional(before);
        }
        break;
    }
    co_return later;
}

Task<Found> Archive::containing_producer(core::Core& core, View view, std::int64_t ms) {
    std::optional<FragmentEntry> later;  // the one with the least producer time beyond the instant
    for (std::size_t index = 0; index < view.block_count(); ++index) {
        if (index < view.pages->size()) {
            const PageSummary& page = (*view.pages)[index];
            if (page.last_server_ms < view.floor_ms || page.max_producer_ms + span_ms_max < ms) continue;
            if (page.min_producer_ms > ms && later && page.min_producer_ms > later->producer_ms) continue;
        }
        CO_TRY(const auto entries, co_await block(core, view, index));
        for (const FragmentEntry& entry : *entries) {
            if (entry.server_ms < view.floor_ms) continue;
            if (contains_producer(entry, ms)) co_return std::optional(entry);
            // Of several with the same time, the newest.
            if (entry.producer_ms > ms && (!later || entry.producer_ms <= later->producer_ms)) later = entry;
        }
    }
    co_return later;
}

Task<Archive::Result<ScanPage>> Archive::scan(core::Core& core, ScanQuery query) {
    CO_TRY(const View known, co_await view(core));
    const bool by_server = query.axis == TimeAxis::server;
    const std::int64_t server_from = by_server ? std::max(query.from_ms, known.floor_ms) : known.floor_ms;
    ScanPage page;
    std::size_t looked_into = 0;
    for (std::size_t index = 0; index < known.block_count(); ++index) {
        if (index < known.pages->size()) {
            const PageSummary& summary = (*known.pages)[index];
            const bool is_before =
                index + 1 < known.pages->size() && (*known.pages)[index + 1].first_sequence <= query.after_sequence;
            if (is_before || summary.last_server_ms < server_from) continue;
            if (by_server && summary.first_server_ms > query.to_ms) break;
            if (!by_server && (summary.max_producer_ms < query.from_ms || summary.min_producer_ms > query.to_ms))
                continue;
            if (looked_into++ == scan_pages_max) {
                // All earlier pages were scanned.
                page.resume_after = std::max(query.after_sequence, summary.first_sequence - 1);
                co_return page;
            }
        }
        CO_TRY(const auto entries, co_await block(core, known, index));
        for (const FragmentEntry& entry : *entries) {
            const std::int64_t at = by_server ? entry.server_ms : entry.producer_ms;
            if (entry.sequence <= query.after_sequence || entry.server_ms < known.floor_ms) continue;
            if (at < query.from_ms || at > query.to_ms) continue;
            if (page.entries.size() == query.entries_max) {
                page.resume_after = page.entries.back().sequence;
                co_return page;
            }
            page.entries.push_back(entry);
        }
    }
    co_return page;
}

Task<Found> Archive::next(core::Core& core, std::uint64_t after_sequence, std::int64_t wait_ms) {
    CO_TRY_VOID(co_await open(core));
    const std::int64_t until_ns = clock_.monotonic().value() + wait_ms * 1'000'000;
    Waiters::Entry entry(arrivals_->waiters, core);
    for (;;) {
        if (ended_) co_return fail(ReadError::gone);
        std::optional<Recent> known;
        bool may_be_paged = false;
        {
            const MutexLock guard(mutex_);
            may_be_paged = after_sequence < pages_through_;
            const auto found = recent_.upper_bound(after_sequence);
            if (found != recent_.end()) known = found->second;
        }
        if (may_be_paged) {
            CO_TRY(const auto found, co_await after(core, after_sequence));
            if (found) co_return found;
        }
        const MonotonicNs now = clock_.monotonic();
        std::int64_t pause_ms = (until_ns - now.value()) / 1'000'000;
        if (known) {
            const std::int64_t hold_ms = arrivals_->hold_ms(known->entry.sequence, known->since, now);
            if (hold_ms == 0 && known->entry.server_ms >= floor_ms()) co_return std::optional(known->entry);
            if (hold_ms == 0) co_return co_await after(core, after_sequence);
            pause_ms = std::min(pause_ms, hold_ms);
        }
        if (pause_ms <= 0) co_return std::optional<FragmentEntry>();
        co_await entry.wait(pause_ms);
    }
}

namespace {

// Owns the memory of a loaded fragment's views.
struct LoadedFrames {
    std::vector<std::shared_ptr<const log::Frame>> frames;
    std::vector<core::MemoryLease> memory;
};

}  // namespace

Task<Archive::Result<std::shared_ptr<const Fragment>>> Archive::load(core::Core& core, FragmentEntry entry) {
    auto owner = std::make_shared<LoadedFrames>();
    const auto keep = [&](log::ReadResult& read) {
        for (const log::FrameSlice& slice : read.slices) owner->frames.push_back(slice.frame);
        owner->memory.push_back(std::move(read.memory));
    };
    auto last = co_await log_.read(core, media_, SeqIx(entry.position), {.records_max = 1}, TimestampMs(0));
    if (!last) co_return fail(to_read_error(last.error()));
    if (last->slices.empty()) co_return fail(ReadError::gone);
    const auto closing = parse_closing(last->slices.front().records().begin()->data, entry.position);
    const bool is_it = closing && last->slices.front().first == SeqIx(entry.position) &&
                       closing->closing.entry.sequence == entry.sequence;
    if (!is_it)
        co_return fail(last->slices.front().first > SeqIx(entry.position) ? ReadError::gone : ReadError::damaged);
    keep(*last);
    std::vector<std::string_view> parts;
    const std::vector<std::uint64_t>& chunks = closing->closing.chunks;
    while (parts.size() < chunks.size()) {
        // Consecutive chunk records are read together.
        std::size_t run = 1;
        const std::size_t first = parts.size();
        while (first + run < chunks.size() && chunks[first + run] == chunks[first] + run) ++run;
        const log::ReadLimits limits{.records_max = run, .bytes_max = std::size_t{8} << 20};
        auto read = co_await log_.read(core, media_, SeqIx(chunks[first]), limits, TimestampMs(0));
        if (!read) co_return fail(to_read_error(read.error()));
        for (const log::FrameSlice& slice : read->slices) {
            for (const log::RecordView& record : slice.records()) {
                const auto part = chunk_part(record.data, entry.sequence, static_cast<std::uint16_t>(parts.size()));
                if (!part || record.seq.value() != chunks[parts.size()]) co_return fail(ReadError::damaged);
                parts.push_back(*part);
            }
        }
        if (parts.size() == first) co_return fail(ReadError::damaged);
        keep(*read);
    }
    parts.push_back(closing->part);
    std::uint32_t crc = 0;
    for (const std::string_view part : parts) crc = crc32c(as_bytes(part), crc);
    auto fragment = std::make_shared<Fragment>();
    fragment->entry = entry;
    if (crc != closing->closing.entry.crc || !split_payload(parts, closing->closing, *fragment)) {
        core::log_line(core::LogLevel::error, "damaged fragment",
                       {{"shard", media_.value()}, {"position", entry.position}, {"sequence", entry.sequence}});
        co_return fail(ReadError::damaged);
    }
    fragment->owner = std::move(owner);
    co_return fragment;
}

}  // namespace riacho::video
