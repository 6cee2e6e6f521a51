// MemoryRing: the newest fragments of a stream without retention, in memory only.
#pragma once

#include <atomic>
#include <deque>
#include <memory>

#include "base/mutex.h"
#include "base/time.h"
#include "core/memory_budget.h"
#include "video/arrivals.h"
#include "video/fragment_source.h"
#include "video/pieces.h"

namespace riacho::video {

// The memory of all rings together: at most half of MemoryUse::media; the other half is for uploads.
class RingBudget {
public:
    explicit RingBudget(core::MemoryBudget& memory) : bytes_max_(memory.share(core::MemoryUse::media) / 2) {}
    [[nodiscard]] bool try_take(std::size_t bytes) {
        if (bytes_.fetch_add(bytes) + bytes <= bytes_max_) return true;
        bytes_ -= bytes;
        return false;
    }
    void give(std::size_t bytes) { bytes_ -= bytes; }

private:
    const std::size_t bytes_max_;
    std::atomic<std::size_t> bytes_{0};
};

// AWS: five minutes or 200 MB of a stream, whichever comes first (video spec 3.8); less when the node's share
// MemoryUse::media is full. Thread-safe; all arguments outlive it.
class MemoryRing final : public FragmentSource {
public:
    static constexpr std::int64_t age_ms_max = 5 * 60'000;
    static constexpr std::size_t bytes_max = 200'000'000;

    MemoryRing(core::Clock& clock, core::MemoryBudget& memory, RingBudget& budget, std::shared_ptr<Arrivals> arrivals)
        : clock_(clock), memory_(memory), budget_(budget), arrivals_(std::move(arrivals)) {}
    ~MemoryRing() override;

    // Adds a fragment and makes it visible. False: there is no memory for it, even without all older ones.
    bool add(const Closing& closing, const Pieces& payload);
    // Drops expired fragments.
    void expire();
    // Drops the oldest fragment. False: there is none.
    bool drop_oldest();
    // Drops all fragments; waiting readers end.
    void end();
    [[nodiscard]] std::size_t bytes() const;

    Task<Found> newest(core::Core& core) override;
    Task<Found> at(core::Core& core, std::uint64_t sequence) override;
    Task<Found> after(core::Core& core, std::uint64_t sequence) override;
    Task<Found> first_from_server(core::Core& core, std::int64_t server_ms) override;
    Task<Found> containing(core::Core& core, TimeAxis axis, std::int64_t ms) override;
    Task<Result<ScanPage>> scan(core::Core& core, ScanQuery query) override;
    Task<Found> next(core::Core& core, std::uint64_t after_sequence, std::int64_t wait_ms) override;
    Task<Result<std::shared_ptr<const Fragment>>> load(core::Core& core, FragmentEntry entry) override;

private:
    struct Kept {
        std::shared_ptr<const Fragment> fragment;
        core::MemoryLease memory;
        MonotonicNs since;
    };
    void drop_front() REQUIRES(mutex_);
    void drop_old() REQUIRES(mutex_);
    // Neither wait nor suspend.
    [[nodiscard]] Found first_where(auto wanted) const;

    core::Clock& clock_;
    core::MemoryBudget& memory_;
    RingBudget& budget_;
    const std::shared_ptr<Arrivals> arrivals_;
    std::atomic<bool> ended_{false};
    mutable Mutex mutex_;
    std::deque<Kept> kept_ GUARDED_BY(mutex_);  // by sequence
    std::size_t bytes_ GUARDED_BY(mutex_) = 0;
};

}  // namespace riacho::video
