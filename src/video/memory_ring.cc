#include "video/memory_ring.h"

#include <algorithm>

#include "base/try.h"
#include "core/clock.h"
#include "core/task.h"

namespace riacho::video {

using Found = FragmentSource::Found;

namespace {

// The memory of a fragment besides its bytes.
constexpr std::size_t overhead = 512;

}  // namespace

MemoryRing::~MemoryRing() {
    const MutexLock guard(mutex_);
    while (!kept_.empty()) drop_front();
}

void MemoryRing::drop_front() {
    const std::size_t bytes = kept_.front().memory.bytes();
    bytes_ -= bytes;
    budget_.give(bytes);
    kept_.pop_front();
}

bool MemoryRing::drop_oldest() {
    const MutexLock guard(mutex_);
    if (kept_.empty()) return false;
    drop_front();
    return true;
}

bool MemoryRing::add(const Closing& closing, const Pieces& payload) {
    core::MemoryLease lease(memory_, core::MemoryUse::media);
    const std::size_t size = payload.size() + overhead;
    {
        const MutexLock guard(mutex_);
        drop_old();
        while (!kept_.empty() && bytes_ + size > bytes_max) drop_front();
        while (!budget_.try_take(size)) {
            if (kept_.empty()) return false;
            drop_front();
        }
        while (!lease.grow_to(size)) {
            if (kept_.empty()) {
                budget_.give(size);
                return false;
            }
            drop_front();
        }
    }
    const std::shared_ptr<std::byte[]> memory = std::make_shared_for_overwrite<std::byte[]>(payload.size());
    payload.copy_to(memory.get());
    auto fragment = std::make_shared<Fragment>();
    fragment->entry = closing.entry;
    const std::string_view whole(reinterpret_cast<const char*>(memory.get()), payload.size());
    if (!split_payload({&whole, 1}, closing, *fragment)) {
        budget_.give(size);
        return false;
    }
    fragment->owner = memory;
    const MutexLock guard(mutex_);
    const auto place = std::ranges::upper_bound(kept_, closing.entry.sequence, {},
                                                [](const Kept& kept) { return kept.fragment->entry.sequence; });
    bytes_ += size;
    kept_.insert(place, Kept{std::move(fragment), std::move(lease), clock_.monotonic()});
    return true;
}

void MemoryRing::drop_old() {
    const std::int64_t oldest_ns = clock_.monotonic().value() - age_ms_max * 1'000'000;
    while (!kept_.empty() && kept_.front().since.value() < oldest_ns) drop_front();
}

void MemoryRing::expire() {
    const MutexLock guard(mutex_);
    drop_old();
}

void MemoryRing::end() {
    ended_ = true;
    {
        const MutexLock guard(mutex_);
        while (!kept_.empty()) drop_front();
    }
    arrivals_->waiters.notify();
}

std::size_t MemoryRing::bytes() const {
    const MutexLock guard(mutex_);
    return bytes_;
}

Found MemoryRing::first_where(auto wanted) const {
    if (ended_) return fail(ReadError::gone);
    const std::int64_t oldest_ns = clock_.monotonic().value() - age_ms_max * 1'000'000;
    const MutexLock guard(mutex_);
    for (const Kept& kept : kept_) {
        if (kept.since.value() >= oldest_ns && wanted(kept.fragment->entry)) return std::optional(kept.fragment->entry);
    }
    return std::optional<FragmentEntry>();
}

Task<Found> MemoryRing::newest(core::Core&) {
    if (ended_) co_return fail(ReadError::gone);
    const MutexLock guard(mutex_);
    if (kept_.empty()) co_return std::optional<FragmentEntry>();
    co_return std::optional(kept_.back().fragment->entry);
}

Task<Found> MemoryRing::at(core::Core&, std::uint64_t sequence) {
    co_return first_where([=](const FragmentEntry& entry) { return entry.sequence == sequence; });
}

Task<Found> MemoryRing::after(core::Core&, std::uint64_t sequence) {
    co_return first_where([=](const FragmentEntry& entry) { return entry.sequence > sequence; });
}

Task<Found> MemoryRing::first_from_server(core::Core&, std::int64_t server_ms) {
    co_return first_where([=](const FragmentEntry& entry) { return entry.server_ms >= server_ms; });
}

Task<Found> MemoryRing::containing(core::Core&, TimeAxis axis, std::int64_t ms) {
    const bool by_server = axis == TimeAxis::server;
    const auto start_of = [=](const FragmentEntry& entry) { return by_server ? entry.server_ms : entry.producer_ms; };
    auto inside = first_where([=](const FragmentEntry& entry) {
        return start_of(entry) <= ms && ms <= start_of(entry) + (by_server ? entry.duration_ms : entry.span_ms);
    });
    if (!inside || *inside) co_return inside;
    co_return first_where([=](const FragmentEntry& entry) { return start_of(entry) > ms; });
}

Task<MemoryRing::Result<ScanPage>> MemoryRing::scan(core::Core&, ScanQuery query) {
    if (ended_) co_return fail(ReadError::gone);
    ScanPage page;
    const MutexLock guard(mutex_);
    for (const Kept& kept : kept_) {
        const FragmentEntry& entry = kept.fragment->entry;
        const std::int64_t at = query.axis == TimeAxis::server ? entry.server_ms : entry.producer_ms;
        if (entry.sequence <= query.after_sequence || at < query.from_ms || at > query.to_ms) continue;
        if (page.entries.size() == query.entries_max) {
            page.resume_after = page.entries.back().sequence;
            break;
        }
        page.entries.push_back(entry);
    }
    co_return page;
}

Task<Found> MemoryRing::next(core::Core& core, std::uint64_t after_sequence, std::int64_t wait_ms) {
    const std::int64_t until_ns = clock_.monotonic().value() + wait_ms * 1'000'000;
    Waiters::Entry entry(arrivals_->waiters, core);
    for (;;) {
        const MonotonicNs now = clock_.monotonic();
        std::int64_t pause_ms = (until_ns - now.value()) / 1'000'000;
        if (ended_) co_return fail(ReadError::gone);
        std::optional<FragmentEntry> found;
        MonotonicNs since;
        {
            const MutexLock guard(mutex_);
            const auto place = std::ranges::upper_bound(kept_, after_sequence, {},
                                                        [](const Kept& kept) { return kept.fragment->entry.sequence; });
            if (place != kept_.end()) {
                found = place->fragment->entry;
                since = place->since;
            }
        }
        if (found) {
            const std::int64_t hold_ms = arrivals_->hold_ms(found->sequence, since, now);
            if (hold_ms == 0) co_return found;
            pause_ms = std::min(pause_ms, hold_ms);
        }
        if (pause_ms <= 0) co_return std::optional<FragmentEntry>();
        co_await entry.wait(pause_ms);
    }
}

Task<MemoryRing::Result<std::shared_ptr<const Fragment>>> MemoryRing::load(core::Core&, FragmentEntry entry) {
    const MutexLock guard(mutex_);
    for (const Kept& kept : kept_) {
        if (kept.fragment->entry.sequence == entry.sequence) co_return kept.fragment;
    }
    co_return fail(ReadError::gone);
}

}  // namespace riacho::video
