// Queues over streams: records in flight and their visibility timeouts. State that must survive a crash - acknowledged
// and dead records - is in the catalog (catalog/queue_progress.h). The deliveries here start empty after a restart: a
// queue delivers at least once.
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

// The identity of a queue's record: shard uid and record number in the log.
struct QueueKey {
    std::uint64_t shard_uid = 0;
    std::uint64_t seq = 0;
    friend auto operator<=>(const QueueKey&, const QueueKey&) = default;
};

// A record in flight.
struct Delivery {
    QueueKey key;
    std::uint64_t receipt = 0;  // number of the newest delivery; older handles are no longer valid
    std::int32_t receive_count = 0;
    TimestampMs first_receive;
    TimestampMs visible_at;
};

// Records that were received and neither acknowledged nor buried. Thread-safe.
class Deliveries {
public:
    // memory: budget for MemoryUse::queues; null: unlimited.
    explicit Deliveries(core::MemoryBudget* memory = nullptr);

    // Takes memory for `count` more deliveries. False: the share has none left.
    bool make_room(std::size_t count);
    // Up to `count` deliveries whose visibility timeout is over, delivered again until visible_at. Records that were
    // received receive_max times (0: no limit) are returned in `exhausted` instead; the caller buries and forgets them;
    // if it does not, they are returned again after visible_at.
    std::vector<Delivery> redeliver(std::size_t count, TimestampMs now, TimestampMs visible_at,
                                    std::int32_t receive_max, std::vector<QueueKey>& exhausted);
    // A first delivery; nothing if the record is in flight already.
    std::optional<Delivery> deliver(QueueKey key, TimestampMs now, TimestampMs visible_at);
    // Whether the receipt is valid: it belongs to the newest delivery, or the record is not in flight, as after a
    // restart.
    [[nodiscard]] bool is_valid(QueueKey key, std::uint64_t receipt) const;
    // False if there is no such delivery.
    bool change_visibility(QueueKey key, std::uint64_t receipt, TimestampMs visible_at);
    void forget(QueueKey key);
    [[nodiscard]] std::size_t size() const;
    // The number of deliveries whose visibility timeout is not over.
    [[nodiscard]] std::size_t in_flight(TimestampMs now) const;
    // The earliest time at which a delivery becomes visible again, if there are any deliveries.
    [[nodiscard]] std::optional<TimestampMs> next_visible() const;

    // The first never-delivered record of a shard: at least `floor`.
    std::uint64_t cursor(std::uint64_t shard_uid, std::uint64_t floor);
    // Sets the cursor to `to` if it is still at `from`.
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

// The ReceiveQueueRecords calls that wait for records of one queue, and their notification when records may have become
// visible without a put: a visibility timeout was changed, a record was buried or restored, the queue was deleted.
// Thread-safe. Bounded by the number of open calls.
class Receivers {
public:
    // Changes with each notify(). A receiver reads it before it looks for records, and again after add(): if the two
    // differ it looks again instead of waiting.
    [[nodiscard]] std::uint64_t version() const;
    // `wait` lives on the core. Held weakly.
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

// The process's state of one queue.
struct QueueWork {
    explicit QueueWork(core::MemoryBudget* memory) : records(memory), dead(memory) {}
    Deliveries records;
    Deliveries dead;
    Receivers receivers;
};

// The state of queues, by ARN. Thread-safe.
class Queues {
public:
    // memory: budget of the deliveries; null: unlimited.
    explicit Queues(core::MemoryBudget* memory = nullptr) : memory_(memory) {}
    std::shared_ptr<QueueWork> of(const std::string& arn);
    void forget(const std::string& arn);
    // Forgets the state of queues that no longer exist, such as queues deleted with their stream.
    void retain(const std::function<bool(const std::string& arn)>& exists);
    [[nodiscard]] std::size_t size() const;
    // Ends all later waits for records: the node is stopping.
    void stop();
    [[nodiscard]] bool stopping() const { return stopping_; }

private:
    core::MemoryBudget* const memory_;
    std::atomic<bool> stopping_{false};
    mutable Mutex mutex_;
    std::map<std::string, std::shared_ptr<QueueWork>, std::less<>> queues_ GUARDED_BY(mutex_);
};

// The content of a receipt handle.
struct Receipt {
    std::string arn;
    QueueKey key;
    std::uint64_t number = 0;
    bool dead = false;
};
std::string seal_receipt(const TokenSealer& sealer, const Receipt& receipt);
std::optional<Receipt> open_receipt(const TokenSealer& sealer, std::string_view handle);

// A queue's attributes and starting position: the settings stored in the catalog.
struct QueueSettings {
    std::string stream_arn;
    std::int32_t visibility_timeout_s = 30;
    api::TargetType target = api::TargetType::none;
    std::int32_t receive_max = 0;  // used with TargetType BUILT_IN
    api::QueueStartingPositionType starting = api::QueueStartingPositionType::latest;
    TimestampMs starting_at;
};
std::string encode(const QueueSettings& settings);
QueueSettings decode_queue_settings(std::string_view bytes);

using QueueRef = std::shared_ptr<const catalog::ObjectState>;

}  // namespace riacho::streams
