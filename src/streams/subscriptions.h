// Who is subscribed to which shard: one subscription per consumer and shard, and the rule for taking over.
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

// One live SubscribeToShard call. Belongs to the core its client is served on; `displace` may be called from any.
struct Subscription {
    // Tells the call that another took its place. Thread-safe; set by the owner before it is registered.
    std::function<void()> displace;
};

// The newest events, as their frames: subscribers at the same place share one encoding. Thread-safe; holds 64 events or
// bytes_max, whichever is less.
class EventCache {
public:
    // With the memory taken for them, if any; given back with the last one who holds them.
    using Frames = std::shared_ptr<const Buffer>;

    explicit EventCache(std::size_t bytes_max) : bytes_max_(bytes_max) {}

    // An event with the records [from, next) of a shard. At the tip its MillisBehindLatest is 0, and stays true.
    struct Event {
        std::uint64_t shard_uid = 0;
        std::uint64_t from = 0;
        std::uint64_t next = 0;
        std::size_t payload_bytes = 0;
        bool at_tip = false;
        MonotonicNs made_at;
        Frames frames;
    };
    // What a subscriber could be sent: the records [from, next), which reach the tip or not.
    struct Wanted {
        std::uint64_t shard_uid = 0;
        std::uint64_t from = 0;
        std::uint64_t next = 0;
        bool at_tip = false;
    };

    // An event that is just that; or a large and fresh one that begins like it and ends sooner. The latter lets a
    // subscriber that is an event behind stay on the others' events: encoding its own, it would fall further behind.
    [[nodiscard]] std::optional<Event> find(const Wanted& wanted, MonotonicNs now) const;
    void keep(Event event);
    // Somebody needs the memory more.
    void clear();

private:
    static constexpr std::size_t events_max = 64;
    // Smaller ones cost less to make than to send one by one.
    static constexpr std::size_t large = std::size_t{64} << 10;
    // What an event says of MillisBehindLatest is off by no more than this.
    static constexpr std::int64_t fresh_ns = 1'000'000'000;

    const std::size_t bytes_max_;
    mutable Mutex mutex_;
    std::deque<Event> events_ GUARDED_BY(mutex_);  // the oldest first
    std::size_t bytes_ GUARDED_BY(mutex_) = 0;
};

// Thread-safe. Bounded by the number of consumers and shards: an entry outlives its call by 5 s, or until the next one.
class Subscriptions {
public:
    // AWS: a second call within 5 s of a successful one is refused, a later one takes over (data-streams spec 5.1).
    static constexpr std::int64_t exclusive_ns = 5'000'000'000;

    // event_bytes_max: what the cache of events may hold.
    explicit Subscriptions(std::size_t event_bytes_max) : events_(event_bytes_max) {}

    // False: another call of this consumer and shard succeeded less than 5 s ago.
    bool begin(const std::string& consumer_arn, std::int32_t shard_index, MonotonicNs now,
               std::shared_ptr<Subscription> subscription);
    // The call has ended; its time still counts for the rule.
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
