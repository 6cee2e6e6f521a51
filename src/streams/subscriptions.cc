#include "streams/subscriptions.h"

namespace riacho::streams {

EventCache::Frames EventCache::find(std::uint64_t shard_uid, std::uint64_t from, std::uint64_t next) const {
    const MutexLock lock(mutex_);
    const auto found = events_.find(shard_uid);
    const bool same = found != events_.end() && found->second.from == from && found->second.next == next;
    return same ? found->second.frames : nullptr;
}

void EventCache::keep(std::uint64_t shard_uid, std::uint64_t from, std::uint64_t next, Frames frames) {
    const MutexLock lock(mutex_);
    const auto old = events_.find(shard_uid);
    if (old != events_.end()) {
        bytes_ -= old->second.frames->capacity();
        events_.erase(old);
    }
    if (events_.size() >= events_max || bytes_ + frames->capacity() > bytes_max) {
        events_.clear();
        bytes_ = 0;
    }
    if (frames->capacity() > bytes_max) return;
    bytes_ += frames->capacity();
    events_[shard_uid] = {from, next, std::move(frames)};
}

bool Subscriptions::begin(const std::string& consumer_arn, std::int32_t shard_index, MonotonicNs now,
                          std::shared_ptr<Subscription> subscription) {
    std::shared_ptr<Subscription> displaced;
    {
        const MutexLock lock(mutex_);
        Entry& entry = entries_[Key(consumer_arn, shard_index)];
        const bool fresh = entry.began.value() == 0;
        if (!fresh && now.value() - entry.began.value() < exclusive_ns) return false;
        displaced = std::exchange(entry.subscription, std::move(subscription));
        entry.began = now;
    }
    if (displaced != nullptr) displaced->displace();
    return true;
}

void Subscriptions::end(const std::string& consumer_arn, std::int32_t shard_index, const Subscription& subscription,
                        MonotonicNs now) {
    const MutexLock lock(mutex_);
    const auto found = entries_.find(Key(consumer_arn, shard_index));
    if (found != entries_.end() && found->second.subscription.get() == &subscription)
        found->second.subscription.reset();
    drop_old(now);
}

// Ended calls whose 5 s are over say nothing any more.
void Subscriptions::drop_old(MonotonicNs now) {
    std::erase_if(entries_, [&](const auto& entry) {
        return entry.second.subscription == nullptr && now.value() - entry.second.began.value() >= exclusive_ns;
    });
}

std::size_t Subscriptions::active() const {
    const MutexLock lock(mutex_);
    std::size_t count = 0;
    for (const auto& [key, entry] : entries_) count += entry.subscription != nullptr ? 1 : 0;
    return count;
}

}  // namespace riacho::streams
