#include "firehose/host_health.h"

#include <algorithm>

#include "core/rng.h"

namespace riacho::firehose {
namespace {

constexpr std::int64_t gap_ms_max = 120'000;
// The longest time for which an attempt without a reported result blocks others.
constexpr std::int64_t trial_ms_max = 300'000;
// Places that were not asked for since then are removed.
constexpr std::int64_t old_ms = 3'600'000;

// The gap with up to 15 % more or less, so that many clients do not return at the same time.
std::int64_t spread(std::int64_t gap_ms, core::Rng& rng) {
    const auto tenths = static_cast<std::int64_t>(rng.next() % 301);
    return gap_ms * (850 + tenths) / 1'000;
}

}  // namespace

std::optional<TimestampMs> HostHealth::blocked_until(std::string_view place, TimestampMs now) {
    const MutexLock lock(mutex_);
    const auto found = places_.find(place);
    if (found == places_.end() || !is_down(found->second, now)) return std::nullopt;
    Place& down = found->second;
    if (down.is_tried && now.value() - down.tried_at.value() < trial_ms_max) {
        return TimestampMs(std::max(down.next_try.value(), now.value()) + 1'000);
    }
    if (now < down.next_try) return down.next_try;
    down.is_tried = true;
    down.tried_at = now;
    return std::nullopt;
}

bool HostHealth::succeeded(std::string_view place) {
    const MutexLock lock(mutex_);
    const auto found = places_.find(place);
    if (found == places_.end()) return false;
    places_.erase(found);
    return true;
}

void HostHealth::let_go(std::string_view place) {
    const MutexLock lock(mutex_);
    const auto found = places_.find(place);
    if (found != places_.end()) found->second.is_tried = false;
}

TimestampMs HostHealth::failed(std::string_view place, TimestampMs now, std::int64_t first_gap_ms,
                               std::optional<std::int64_t> retry_after_ms) {
    const MutexLock lock(mutex_);
    if (places_.size() > many) {
        std::erase_if(places_, [&](const auto& entry) { return now.value() - entry.second.next_try.value() > old_ms; });
    }
    auto found = places_.find(place);
    if (found == places_.end()) found = places_.emplace(std::string(place), Place{.failing_since = now}).first;
    Place& failing = found->second;
    // Failures of attempts that ran at the same time count once.
    if (failing.failures > 0 && !failing.is_tried && now < failing.next_try) return failing.next_try;
    const std::uint32_t doublings = std::min<std::uint32_t>(failing.failures, 10);
    ++failing.failures;
    const std::int64_t gap_ms =
        std::max(spread(std::min(first_gap_ms << doublings, gap_ms_max), rng_), retry_after_ms.value_or(0));
    failing.next_try = TimestampMs(now.value() + gap_ms);
    failing.is_tried = false;
    return failing.next_try;
}

std::vector<HostHealth::Shown> HostHealth::failing() const {
    const MutexLock lock(mutex_);
    std::vector<Shown> shown;
    for (const auto& [name, place] : places_) shown.push_back({name, place.failures});
    return shown;
}

}  // namespace riacho::firehose
