// Who is subscribed to which shard: one subscription per consumer and shard, and the rule for taking over.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "base/mutex.h"
#include "base/time.h"

namespace riacho::streams {

// One live SubscribeToShard call. Belongs to the core its client is served on; `displace` may be called from any.
struct Subscription {
    // Tells the call that another took its place. Thread-safe; set by the owner before it is registered.
    std::function<void()> displace;
};

// Thread-safe. Bounded by the number of consumers and shards: an entry outlives its call only until the next one, or
// until forget().
class Subscriptions {
public:
    // AWS: a second call within 5 s of a successful one is refused, a later one takes over (data-streams spec 5.1).
    static constexpr std::int64_t exclusive_ns = 5'000'000'000;

    // False: another call of this consumer and shard succeeded less than 5 s ago.
    bool begin(const std::string& consumer_arn, std::int32_t shard_index, MonotonicNs now,
               std::shared_ptr<Subscription> subscription);
    // The call has ended; its time still counts for the rule.
    void end(const std::string& consumer_arn, std::int32_t shard_index, const Subscription& subscription,
             MonotonicNs now);
    [[nodiscard]] std::size_t active() const;

private:
    struct Entry {
        MonotonicNs began;
        std::shared_ptr<Subscription> subscription;  // null once the call has ended
    };
    using Key = std::pair<std::string, std::int32_t>;

    void drop_old(MonotonicNs now) REQUIRES(mutex_);

    mutable Mutex mutex_;
    std::map<Key, Entry> entries_ GUARDED_BY(mutex_);
};

}  // namespace riacho::streams
