// Subscriptions: at most one subscription per consumer and shard, and the rule by which a later call takes over.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "base/buffer.h"
#include "base/mutex.h"
#include "base/time.h"

namespace riacho::streams {

// A SubscribeToShard call in progress. Belongs to the core that serves its client; `displace` may be called from any
// thread.
struct Subscription {
    // Called when another call has taken over. Thread-safe; set by the owner before it is registered.
    std::function<void()> displace;
};

// The newest events in encoded form: subscribers at the same position share one encoding. Thread-safe; holds at most 64
// events and at most bytes_max bytes.
class EventCache {
public:
    // The encoded frames and their memory, which is given back with the last reference.
    using Frames = std::shared_ptr<const Buffer>;

    explicit EventCache(std::size_t bytes_max) : bytes_max_(bytes_max) {}

    // An event with the records [from, next) of a shard. With at_tip its MillisBehindLatest is 0, which remains
    // correct.
    struct Event {
        std::uint64_t shard_uid = 0;
        std::uint64_t from = 0;
        std::uint64_t next = 0;
        std::size_t payload_bytes = 0;
        bool at_tip = false;
        MonotonicNs made_at;
        Frames frames;
    };
    // The event that a subscriber needs: the records [from, next), and whether they reach the tip.
    struct Wanted {
        std::uint64_t shard_uid = 0;
        std::uint64_t from = 0;
        std::uint64_t next = 0;
        bool at_tip = false;
    };

    // An event that equals `wanted`; or a large, fresh event with the same `from` and a smaller `next`. The latter lets
    // a subscriber that is one event behind keep using the others' events: encoding its own, it would fall further
    // behind.
    [[nodiscard]] std::optional<Event> find(const Wanted& wanted, MonotonicNs now) const;
    void keep(Event event);
    // Frees the cached events when memory is needed elsewhere.
    void clear();

private:
    static constexpr std::size_t events_max = 64;
    // Smaller events cost less to encode than to send one by one.
    static constexpr std::size_t large = std::size_t{64} << 10;
    // Upper bound of the error of MillisBehindLatest in a reused event.
    static constexpr std::int64_t fresh_ns = 1'000'000'000;

    const std::size_t bytes_max_;
    mutable Mutex mutex_;
    std::deque<Event> events_ GUARDED_BY(mutex_);  // oldest first
    std::size_t bytes_ GUARDED_BY(mutex_) = 0;
};

// Thread-safe. Bounded by the number of consumers and shards: an entry outlives its call by 5 s, or until the next
// call.
class Subscriptions {
public:
    // AWS: a second call within 5 s of a successful one is refused, a later one takes over (data-streams spec 5.1).
    static constexpr std::int64_t exclusive_ns = 5'000'000'000;

    // event_bytes_max: size limit of the event cache.
    explicit Subscriptions(std::size_t event_bytes_max) : events_(event_bytes_max) {}

    // False: another call of this consumer and shard succeeded less than 5 s ago.
    bool begin(const std::string& consumer_arn, std::int32_t shard_index, MonotonicNs now,
               std::shared_ptr<Subscription> subscription);
    // Marks a call as ended; its begin still counts for the 5 s rule.
    void end(const std::string& consumer_arn, std::int32_t shard_index, const Subscription& subscription,
             MonotonicNs now);
    [[nodiscard]] std::size_t active() const;
    [[nodiscard]] EventCache& events() { return events_; }

private:
    struct Entry {
        MonotonicNs began;
        std::shared_ptr<Subscription> subscription;  // null once the call has ended
    };
    using Key = std::pair<std::string, std::int32_t>;

    void drop_old(MonotonicNs now) REQUIRES(mutex_);

    mutable Mutex mutex_;
    std::map<Key, Entry> entries_ GUARDED_BY(mutex_);
    EventCache events_;
};

}  // namespace riacho::streams
