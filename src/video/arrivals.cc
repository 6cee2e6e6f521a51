#include "video/arrivals.h"

#include <algorithm>
#include <limits>

namespace riacho::video {

void Arrivals::begin(std::uint64_t sequence) {
    const MutexLock guard(mutex_);
    open_.try_emplace(sequence);
}

bool Arrivals::begin_to_end(std::uint64_t sequence) {
    const MutexLock guard(mutex_);
    if (const auto found = open_.find(sequence); found != open_.end()) found->second.is_ending = true;
    return sequence < passed_;
}

void Arrivals::end(std::uint64_t sequence) {
    {
        const MutexLock guard(mutex_);
        open_.erase(sequence);
    }
    waiters.notify();
}

std::uint64_t Arrivals::lowest_open() const {
    const MutexLock guard(mutex_);
    return open_.empty() ? std::numeric_limits<std::uint64_t>::max() : open_.begin()->first;
}

std::int64_t Arrivals::hold_ms(std::uint64_t sequence, MonotonicNs visible_since, MonotonicNs now) {
    const MutexLock guard(mutex_);
    const auto end = open_.lower_bound(sequence);
    if (open_.begin() == end) return 0;
    const std::int64_t left_ms = hold_ms_max - (now.value() - visible_since.value()) / 1'000'000;
    const bool one_is_ending = std::any_of(open_.begin(), end, [](const auto& open) { return open.second.is_ending; });
    if (one_is_ending) return std::max<std::int64_t>(left_ms, 100);
    if (left_ms > 0) return left_ms;
    passed_ = std::max(passed_, sequence);
    return 0;
}

}  // namespace riacho::video
