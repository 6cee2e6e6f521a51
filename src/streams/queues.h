// Queues over streams: which records are being worked on, and until when. What must survive a crash - acknowledged and
// dead records - is in the catalog (catalog/queue_progress.h); who works on what right now is here, and starts again
// empty: a queue delivers at least once.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "aws/gen/kinesis/types_shared.gen.h"
#include "base/mutex.h"
#include "base/time.h"
#include "catalog/model.h"
#include "core/memory_budget.h"
#include "core/task_fwd.h"
#include "streams/service.h"
#include "streams/token.h"

namespace riacho::streams {

class RecordWait;

// A record of a queue: the log's shard and number.
struct QueueKey {
    std::uint64_t shard_uid = 0;
    std::uint64_t seq = 0;
    friend auto operator<=>(const QueueKey&, const QueueKey&) = default;
};

// One delivery of a record.
struct Delivery {
    QueueKey key;
    std::uint64_t receipt = 0;  // of the newest delivery; older handles are no longer valid
    std::int32_t receive_count = 0;
    TimestampMs first_receive;
    TimestampMs visible_at;
};

// Records that were received and are neither acknowledged nor buried. Thread-safe.
class Deliveries {
public:
    // memory: for MemoryUse::queues; null: without a bound.
    explicit Deliveries(core::MemoryBudget* memory = nullptr);

    // Takes memory for so many more deliveries. False: other queues' records, or its own, have all there is.
    bool make_room(std::size_t count);
    // Up to `count` deliveries whose time is over, delivered again until visible_at. Those that were received
    // receive_max times (0: no limit) are given in `exhausted` instead, to be forgotten once they are buried; if they
    // never are, they come up again after visible_at.
    std::vector<Delivery> redeliver(std::size_t count, TimestampMs now, TimestampMs visible_at,
                                    std::int32_t receive_max, std::vector<QueueKey>& exhausted);
    // A first delivery; nothing if the record is being worked on already.
    std::optional<Delivery> deliver(QueueKey key, TimestampMs now, TimestampMs visible_at);
    // Whether the receipt may be used: it is the newest delivery's, or from before a restart.
    [[nodiscard]] bool is_valid(QueueKey key, std::uint64_t receipt) const;
    // False: there is no such delivery.
    bool change_visibility(QueueKey key, std::uint64_t receipt, TimestampMs visible_at);
    void forget(QueueKey key);
    [[nodiscard]] std::size_t size() const;
    // Those whose time is not over.
    [[nodiscard]] std::size_t in_flight(TimestampMs now) const;
    // When the first of them becomes visible again, if there are any.
    [[nodiscard]] std::optional<TimestampMs> next_visible() const;

    // Where never-delivered records of a shard begin: at least `floor`.
    std::uint64_t cursor(std::uint64_t shard_uid, std::uint64_t floor);
    // Moves it, unless somebody else did in the meantime.
    bool move_cursor(std::uint64_t shard_uid, std::uint64_t from, std::uint64_t to);

private:
    mutable Mutex mutex_;
    std::map<QueueKey, Delivery> deliveries_ GUARDED_BY(mutex_);
    std::set<std::pair<std::int64_t, QueueKey>> by_time_ GUARDED_BY(mutex_);
    std::map<std::uint64_t, std::uint64_t> cursors_ GUARDED_BY(mutex_);
    std::uint64_t last_receipt_ GUARDED_BY(mutex_) = 0;
    const bool is_bounded_;
    core::MemoryLease memory_ GUARDED_BY(mutex_);
};

// The receivers that wait for records of one queue, and what tells them that records may have become visible by other
// ways than a put: another's visibility timeout was changed, a record was buried or restored, the queue ends.
// Thread-safe. Bounded by the calls that are open.
class Receivers {
public:
    // Changes with each notify(). A receiver asks before it looks, and after it was added: when the two differ it looks
    // again instead of waiting.
    [[nodiscard]] std::uint64_t version() const;
    // `wait` lives on the core. Forgotten when nobody else keeps it.
    void add(core::Core& core, const std::shared_ptr<RecordWait>& wait);
    void notify();

private:
    struct Receiver {
        core::Core* core;
        std::weak_ptr<RecordWait> wait;
    };

    mutable Mutex mutex_;
    std::vector<Receiver> waiting_ GUARDED_BY(mutex_);
    std::uint64_t version_ GUARDED_BY(mutex_) = 0;
};

// What a process knows of one queue.
struct QueueWork {
    explicit QueueWork(core::MemoryBudget* memory) : records(memory), dead(memory) {}
    Deliveries records;
    Deliveries dead;
    Receivers receivers;
};

// By ARN. Thread-safe.
class Queues {
public:
    // memory: of the deliveries; null: without a bound.
    explicit Queues(core::MemoryBudget* memory = nullptr) : memory_(memory) {}
    std::shared_ptr<QueueWork> of(const std::string& arn);
    void forget(const std::string& arn);
    // Forgets the work of queues that no longer exist, such as those that went with their stream.
    void retain(const std::function<bool(const std::string& arn)>& exists);
    [[nodiscard]] std::size_t size() const;
    // From now on nobody waits for records: the node is stopping.
    void stop();
    [[nodiscard]] bool stopping() const { return stopping_; }

private:
    core::MemoryBudget* const memory_;
    std::atomic<bool> stopping_{false};
    mutable Mutex mutex_;
    std::map<std::string, std::shared_ptr<QueueWork>, std::less<>> queues_ GUARDED_BY(mutex_);
};

// A receipt handle's content.
struct Receipt {
    std::string arn;
    QueueKey key;
    std::uint64_t number = 0;
    bool dead = false;
};
std::string seal_receipt(const TokenSealer& sealer, const Receipt& receipt);
std::optional<Receipt> open_receipt(const TokenSealer& sealer, std::string_view handle);

// A queue's attributes and where it began, as the catalog's settings keep them.
struct QueueSettings {
    std::string stream_arn;
    std::int32_t visibility_timeout_s = 30;
    api::TargetType target = api::TargetType::none;
    std::int32_t receive_max = 0;  // with TargetType BUILT_IN
    api::QueueStartingPositionType starting = api::QueueStartingPositionType::latest;
    TimestampMs starting_at;
};
std::string encode(const QueueSettings& settings);
QueueSettings decode_queue_settings(std::string_view bytes);

using QueueRef = std::shared_ptr<const catalog::ObjectState>;

}  // namespace riacho::streams
