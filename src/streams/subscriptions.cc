#include "streams/subscriptions.h"

#include <algorithm>

namespace riacho::streams {

std::optional<EventCache::Event> EventCache::find(const Wanted& wanted, MonotonicNs now) const {
    const MutexLock lock(mutex_);
    const auto serves = [&](const Event& event) {
        if (event.shard_uid != wanted.shard_uid || event.from != wanted.from) return false;
        if (event.next == wanted.next && event.at_tip && wanted.at_tip) return true;
        return event.next <= wanted.next && event.frames->size() >= large &&
               now.value() - event.made_at.value() < fresh_ns;
    };
    const auto found = std::find_if(events_.rbegin(), events_.rend(), serves);
    return found == events_.rend() ? std::nullopt : std::optional(*found);
}

void EventCache::keep(Event event) {
    const std::size_t size = event.frames->capacity();
    const bool is_useful = event.at_tip || event.frames->size() >= large;
    if (!is_useful || size > bytes_max_) return;
    const MutexLock lock(mutex_);
    while (events_.size() >= events_max || bytes_ + size > bytes_max_) {
        bytes_ -= events_.front().frames->capacity();
        events_.pop_front();
    }
    bytes_ += size;
    events_.push_back(std::move(event));
}

void EventCache::clear() {
    std::deque<Event> events;  // destroyed after the lock is released
    const MutexLock lock(mutex_);
    events.swap(events_);
    bytes_ = 0;
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

// Removes ended calls that are older than 5 s.
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
