#include "streams/receive.h"

#include <algorithm>

#include "aws/gen/kinesis/errors.gen.h"
#include "base/try.h"
#include "catalog/queue_progress.h"
#include "core/clock.h"
#include "core/runtime.h"
#include "core/task.h"
#include "streams/describe.h"
#include "streams/queues.h"
#include "streams/reader.h"
#include "streams/records.h"
#include "streams/resources.h"
#include "streams/shards.h"

namespace riacho::streams {

namespace errors = api::errors;
using Action = catalog::QueueProgress::Action;

namespace {

constexpr std::int32_t limit_default = 10;
constexpr std::size_t in_flight_max = 120'000;  // AWS: spec 2.13
constexpr std::size_t bytes_max = std::size_t{10} << 20;
constexpr std::size_t numbers_max = 256;  // dead or restored record numbers fetched at a time
// Maximum interval at which a waiting receiver looks again: for new shards, and for a clock that was moved.
constexpr std::int64_t look_ms = 1'000;
constexpr std::int32_t wait_s_max = 20;  // AWS: the limit is not known (spec 11.7)

// One attempt to receive from a queue: gathers records until there are enough or none are left.
class Look {
public:
    Look(StreamsOp op, const ReceiveRequest& request, QueueRef queue, StreamRef stream)
        : op_(op),
          arn_(queue->arn),
          dead_(request.dead),
          wanted_(static_cast<std::size_t>(request.limit.value_or(limit_default))),
          settings_(decode_queue_settings(queue->settings)),
          queue_(std::move(queue)),
          stream_(std::move(stream)),
          snapshot_(op.catalog().snapshot()),
          work_(op.service().queues.of(arn_)) {
        const std::int64_t timeout_ms =
            std::int64_t{request.visibility_s.value_or(settings_.visibility_timeout_s)} * 1'000;
        visible_at_ = TimestampMs(op.service().clock.now().value() + timeout_ms);
    }

    Task<Result<void>> gather() {
        CO_TRY_VOID(co_await gather_again());
        CO_TRY_VOID(co_await gather_waiting());
        const bool has_room = dead_ || deliveries().make_room(wanted_);
        if (!has_room && records.empty()) co_return fail(errors::overloaded());
        if (!dead_ && has_room) CO_TRY_VOID(co_await gather_new());
        CO_TRY_VOID(co_await settle());
        co_return Result<void>();
    }

    // A shard that has reached queue_ahead_max: its new records are not delivered until its oldest open record is done.
    [[nodiscard]] std::optional<std::int32_t> blocked_by() const { return blocked_by_; }

    std::vector<api::QueueRecord> records;
    std::vector<ShardPosition> tips;  // positions of the next records in shards that were read to their tips

private:
    [[nodiscard]] Deliveries& deliveries() { return dead_ ? work_->dead : work_->records; }
    [[nodiscard]] bool is_enough() const { return records.size() >= wanted_; }
    // The gathered records use the memory for reads from disk: they are returned as a reply of their own.
    [[nodiscard]] bool is_short_of_memory(const ShardReader& reader) const {
        return reader.was_overloaded() && !records.empty();
    }
    [[nodiscard]] TimestampMs now() const { return op_.service().clock.now(); }

    [[nodiscard]] const catalog::ShardState* shard_of(std::uint64_t uid) const {
        const auto found = std::ranges::find(stream_->shards, uid, &catalog::ShardState::uid);
        return found == stream_->shards.end() ? nullptr : &*found;
    }

    // Gathers records whose visibility timeout is over.
    Task<Result<void>> gather_again() {
        const std::int32_t receive_max =
            !dead_ && settings_.target == api::TargetType::built_in ? settings_.receive_max : 0;
        const auto due = deliveries().redeliver(wanted_, now(), visible_at_, receive_max, exhausted_);
        for (const QueueKey& key : exhausted_) steps_.push_back({Action::bury, key.shard_uid, key.seq});
        for (const Delivery& delivery : due) CO_TRY_VOID(co_await add_one(delivery));
        co_return Result<void>();
    }

    // Gathers dead records, or restored ones, that are not in flight.
    Task<Result<void>> gather_waiting() {
        for (const catalog::ShardState& shard : stream_->shards) {
            const catalog::QueueShardView view(snapshot_->progress(), queue_->uid, shard.uid);
            for (std::uint64_t from = 0;;) {
                if (is_enough()) co_return Result<void>();
                const auto found = dead_ ? view.dead(from, numbers_max) : view.restored(from, numbers_max);
                for (const std::uint64_t seq : found) {
                    if (is_enough()) co_return Result<void>();
                    const auto delivery = deliveries().deliver({shard.uid, seq}, now(), visible_at_);
                    if (delivery) CO_TRY_VOID(co_await add_one(*delivery));
                }
                if (found.size() < numbers_max) break;
                from = found.back() + 1;
            }
        }
        co_return Result<void>();
    }

    Task<Result<void>> gather_new() {
        for (const catalog::ShardState& shard : stream_->shards) {
            if (is_enough()) break;
            if (deliveries().size() >= in_flight_max) {
                if (!records.empty()) break;
                co_return fail(errors::queue_call_throttled(queue_->name, queue_->account));
            }
            CO_TRY_VOID(co_await gather_from(shard));
        }
        co_return Result<void>();
    }

    Task<Result<void>> gather_from(const catalog::ShardState& shard) {
        const catalog::QueueShardView view(snapshot_->progress(), queue_->uid, shard.uid);
        for (;;) {
            const std::uint64_t cursor = deliveries().cursor(shard.uid, view.floor());
            // After a restart: records acknowledged beyond the floor are skipped, not read.
            const std::uint64_t from = view.next_open(cursor);
            if (from >= view.floor() + catalog::queue_ahead_max) {
                const auto state = op_.log().last_known(log::ShardUid(shard.uid));
                if (state && state->next.value() > from) blocked_by_ = shard.index;
                co_return Result<void>();
            }
            ShardReader reader(op_.service(), op_.core(), {stream_, &shard}, log::SeqIx(from));
            const log::ReadLimits limits{wanted_ - records.size(), bytes_max};
            auto found = co_await reader.read(limits);
            if (!found && is_short_of_memory(reader)) co_return Result<void>();
            if (!found) co_return fail(std::move(found).error());
            const auto read = std::make_shared<const ShardRead>(*std::move(found));
            const std::uint64_t first = read->first().value();
            const std::uint64_t next = read->log.next.value();
            // A concurrent receiver may have read the same records.
            if (next > from && !deliveries().move_cursor(shard.uid, cursor, next)) continue;
            // Expired records count as done, even those in flight: they cannot be read any more, and if the floor
            // stayed behind them the queue would reach queue_ahead_max and stop.
            if (first > from) steps_.push_back({Action::skip, shard.uid, first});
            deliver(shard, view, read);
            if (is_enough()) co_return Result<void>();
            if (read->log.at_tip && !read->log.closed) tips.push_back({shard.uid, read->log.next});
            if (read->log.at_tip || next <= from) co_return Result<void>();
        }
    }

    // Delivers read records for the first time, except records that are done or in flight.
    void deliver(const catalog::ShardState& shard, const catalog::QueueShardView& view,
                 const std::shared_ptr<const ShardRead>& read) {
        if (read->log.record_count == 0) return;
        std::vector<api::Record> found;
        fill_records(shard, *read, found);
        std::uint64_t seq = read->first().value();
        for (const api::Record& record : found) {
            const QueueKey key{shard.uid, seq++};
            if (view.is_done(key.seq)) continue;
            if (const auto delivery = deliveries().deliver(key, now(), visible_at_)) show(*delivery, record);
        }
        op_.context().keep(read);
    }

    // Reads one record by its number; a record deleted by retention counts as done.
    Task<Result<void>> add_one(Delivery delivery) {
        const catalog::ShardState* shard = shard_of(delivery.key.shard_uid);
        if (shard != nullptr) {
            const log::SeqIx seq(delivery.key.seq);
            ShardReader reader(op_.service(), op_.core(), {stream_, shard}, seq);
            const log::ReadLimits limits{1, bytes_max};
            auto found = co_await reader.read(limits);
            // The record becomes visible again after its timeout.
            if (!found && is_short_of_memory(reader)) co_return Result<void>();
            if (!found) co_return fail(std::move(found).error());
            if (found->log.record_count == 1 && found->first() == seq) {
                const auto read = std::make_shared<const ShardRead>(*std::move(found));
                std::vector<api::Record> shaped;
                fill_records(*shard, *read, shaped);
                show(delivery, shaped.front());
                op_.context().keep(read);
                co_return Result<void>();
            }
        }
        deliveries().forget(delivery.key);
        steps_.push_back(
            {dead_ ? Action::acknowledge_dead : Action::acknowledge, delivery.key.shard_uid, delivery.key.seq});
        co_return Result<void>();
    }

    void show(const Delivery& delivery, const api::Record& record) {
        api::QueueRecord& out = records.emplace_back();
        out.receipt_handle = seal_receipt(op_.tokens(), {arn_, delivery.key, delivery.receipt, dead_});
        out.record_id = record.sequence_number.view();
        out.partition_key = record.partition_key;
        out.data = record.data;
        out.approximate_arrival_timestamp = record.approximate_arrival_timestamp.value_or(TimestampMs(0));
        out.first_receive_timestamp = delivery.first_receive;
        out.receive_count = delivery.receive_count;
    }

    // Submits the gathered steps to the catalog.
    Task<Result<void>> settle() {
        if (steps_.empty()) co_return Result<void>();
        CO_TRY(const catalog::Verdict verdict, co_await op_.submit(catalog::QueueProgress{arn_, std::move(steps_)}));
        static_cast<void>(verdict);  // a queue that was deleted meanwhile needs no steps
        for (const QueueKey& key : exhausted_) deliveries().forget(key);
        if (!exhausted_.empty()) work_->receivers.notify();  // receivers of the dead-letter queue
        co_return Result<void>();
    }

    StreamsOp op_;
    std::string arn_;
    bool dead_;
    std::size_t wanted_;
    QueueSettings settings_;
    QueueRef queue_;
    StreamRef stream_;
    std::shared_ptr<const catalog::Snapshot> snapshot_;
    std::shared_ptr<QueueWork> work_;
    TimestampMs visible_at_;
    std::optional<std::int32_t> blocked_by_;
    std::vector<QueueKey> exhausted_;
    std::vector<catalog::QueueProgress::Step> steps_;
};

// The time a receiver sleeps without a notification: until its deadline, or until a record becomes visible again.
std::int64_t wait_ms(const core::Clock& clock, MonotonicNs deadline, std::optional<TimestampMs> next_visible) {
    std::int64_t left_ms = std::min(look_ms, (deadline.value() - clock.monotonic().value()) / 1'000'000 + 1);
    if (next_visible) left_ms = std::min(left_ms, next_visible->value() - clock.now().value());
    return std::max<std::int64_t>(left_ms, 1);
}

}  // namespace

Task<Result<std::vector<api::QueueRecord>>> receive(StreamsOp op, ReceiveRequest request) {
    const core::Clock& clock = op.service().clock;
    const MonotonicNs deadline(clock.monotonic().value() +
                               std::int64_t{std::min(request.wait_s.value_or(0), wait_s_max)} * 1'000'000'000);
    std::shared_ptr<RecordWait> wait;
    for (;;) {
        CO_TRY(const QueueRef queue, resolve_resource(op, catalog::ObjectState::Kind::queue, request.arn));
        const StreamRef stream = op.catalog().snapshot()->find_by_uid(queue->stream_uid);
        const catalog::StreamStatus status = queue->status(clock.now());
        if (stream == nullptr || status == catalog::StreamStatus::creating ||
            status == catalog::StreamStatus::deleting) {
            co_return fail(errors::resource_not_active(
                "Queue", queue->name, op.account(),
                stream == nullptr ? std::string("DELETING") : std::string(name_of(to_api(status)))));
        }
        const auto work = op.service().queues.of(queue->arn);
        const std::uint64_t seen = work->receivers.version();
        Look look(op, request, queue, stream);
        CO_TRY_VOID(co_await look.gather());
        if (look.records.empty() && look.blocked_by()) {
            co_return fail(errors::queue_too_far_ahead(
                queue->name, queue->account, std::to_string(catalog::queue_ahead_max), shard_id(*look.blocked_by())));
        }
        const bool late = clock.monotonic() >= deadline || op.service().queues.stopping();
        if (!look.records.empty() || late) co_return std::move(look.records);
        if (wait == nullptr) wait = std::make_shared<RecordWait>(op.log(), op.core());
        work->receivers.add(op.core(), wait);
        if (work->receivers.version() != seen) continue;  // a notification came during the look
        const Deliveries& deliveries = request.dead ? work->dead : work->records;
        co_await wait->wait(look.tips, wait_ms(clock, deadline, deliveries.next_visible()));
    }
}

}  // namespace riacho::streams
