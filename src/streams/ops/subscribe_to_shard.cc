#include <algorithm>
#include <memory>

#include "aws/gen/kinesis/errors.gen.h"
#include "aws/gen/kinesis/types_subscribe_to_shard.gen.h"
#include "base/buffer.h"
#include "base/sequence_number.h"
#include "base/try.h"
#include "core/clock.h"
#include "core/task.h"
#include "core/timer.h"
#include "log/record_log.h"
#include "streams/consumers.h"
#include "streams/ops/ops.h"
#include "streams/position.h"
#include "streams/records.h"
#include "streams/shards.h"
#include "streams/subscriptions.h"
#include "wire/event_stream.h"

namespace riacho::streams {

namespace errors = api::errors;

namespace {

constexpr std::int64_t lifetime_ns = 300'000'000'000;  // AWS: 5 minutes a call (spec 5.6)
// AWS: an event about every 5 s even without records; Java gives up after 10 s of silence (spec 5.6).
constexpr std::int64_t heartbeat_ns = 4'500'000'000;
// How often a quiet subscription looks whether the server stops or its consumer is gone.
constexpr std::int64_t look_ms = 500;
constexpr log::ReadLimits event_limits{10'000, std::size_t{1} << 20};
// Events up to this size are not counted: a connection costs as much.
constexpr std::size_t event_size_small = std::size_t{64} << 10;
constexpr std::int64_t room_wait_ms = 100;

// One push to one client. Everything of it runs on one core, except displace().
class Push : public std::enable_shared_from_this<Push> {
public:
    Push(Service& service, core::Core& core, const ConsumerRef& consumer, ShardRef shard, std::uint64_t next_seq)
        : service_(service),
          core_(core),
          stream_(std::move(shard.stream)),
          shard_index_(shard.shard->index),
          uid_(shard.shard->uid),
          consumer_name_(consumer.consumer->name),
          consumer_arn_(consumer.consumer->arn),
          next_(next_seq),
          began_(service.clock.monotonic()),
          last_event_(began_),
          timer_(core),
          subscription_(std::make_shared<Subscription>()),
          stream_counters_(service.metrics.of(stream_->uid, stream_->account, stream_->region, stream_->name)),
          counters_(stream_counters_->consumer(consumer_name_)) {}
    // A client that has gone before the first frame never gets as far as run().
    ~Push() { end(); }
    Push(const Push&) = delete;
    Push& operator=(const Push&) = delete;

    // False: the consumer has another subscription to this shard that is too young to be taken over.
    bool begin() {
        subscription_->displace = [weak = weak_from_this(), &core = core_] {
            core::post(core, [weak] {
                const auto self = weak.lock();
                if (self == nullptr) return;
                self->displaced_ = true;
                self->interrupt();
            });
        };
        const bool began = service_.subscriptions.begin(consumer_arn_, shard_index_, began_, subscription_);
        add(began ? counters_.subscribe_success : counters_.subscribe_refused, 1);
        return began;
    }

    Task<void> run(aws::EventWriter& writer) {
        const auto self = shared_from_this();
        co_await push(writer);
        end();
    }

private:
    void end() { service_.subscriptions.end(consumer_arn_, shard_index_, *subscription_, service_.clock.monotonic()); }

    Task<void> push(aws::EventWriter& writer) {
        Buffer frames;
        while (!writer.stopping() && service_.clock.monotonic().value() - began_.value() < lifetime_ns) {
            frames.clear();
            if (const auto ended = end_of_subscription()) {
                wire::append_event_exception(frames, ended->code, ended->message);
                co_await writer.write(frames.view());
                co_return;
            }
            const TimestampMs now = service_.clock.now();
            auto read = co_await service_.log.read(core_, log::ShardUid(uid_), log::SeqIx(next_), event_limits,
                                                   retention_horizon(*stream_, service_.clock));
            if (!read) {
                const aws::ApiError error = read_error(read.error(), {stream_, shard()});
                wire::append_event_exception(frames, error.code, error.message);
                co_await writer.write(frames.view());
                co_return;
            }
            const bool shard_ended = read->at_tip && read->closed;
            if (read->record_count == 0 && !shard_ended && !heartbeat_due()) {
                // Expired records are passed over for good: a wait for anything beyond them must not see them again.
                const bool advanced = read->next.value() > next_;
                next_ = std::max(next_, read->next.value());
                if (read->at_tip) {
                    co_await wait_for_records();
                } else if (!advanced) {
                    co_await core::sleep(core_, look_ms);  // the log owes records it does not have: never a busy loop
                }
                continue;
            }
            auto event = event_of(*read, shard_ended, now);
            if (event && event->frames == nullptr) {
                // Other subscribers' events have all the memory there is for them: the records have to wait.
                if (!heartbeat_due()) {
                    co_await core::sleep(core_, room_wait_ms);
                    continue;
                }
                event = event_of(nothing_of(*read), false, now);
            }
            if (!event) {
                wire::append_event_exception(frames, event.error().code, event.error().message);
                co_await writer.write(frames.view());
                co_return;
            }
            next_ = event->next;
            last_event_ = service_.clock.monotonic();
            add(counters_.event_success, 1);
            add(counters_.event_records, event->next - event->from);
            add(counters_.event_bytes, event->payload_bytes);
            counters_.millis_behind = static_cast<std::uint64_t>(millis_behind(*read, now));
            const bool written = co_await writer.write(event->frames->view());
            if (!written || (shard_ended && event->next == read->next.value())) co_return;
        }
    }

    [[nodiscard]] const catalog::ShardState* shard() const { return stream_->find_shard(shard_index_); }

    [[nodiscard]] bool heartbeat_due() const {
        return service_.clock.monotonic().value() - last_event_.value() >= heartbeat_ns;
    }

    // Why the client has to be told that it is over, if it is. Looks at the newest catalog.
    std::optional<aws::ApiError> end_of_subscription() {
        const TimestampMs now = service_.clock.now();
        if (displaced_) {
            return errors::another_subscription_active(stream_->account, stream_->name, shard_id(shard_index_),
                                                       consumer_name_);
        }
        StreamRef newest = service_.catalog.snapshot()->find_by_uid(stream_->uid);
        if (newest == nullptr || newest->is_gone(now)) return errors::stream_not_found(stream_->name, stream_->account);
        stream_ = std::move(newest);
        const catalog::ConsumerState* consumer = stream_->find_consumer(consumer_name_, now);
        if (consumer == nullptr || consumer->arn != consumer_arn_ || consumer->deleted_at) {
            return errors::consumer_not_found(consumer_arn_, stream_->account);
        }
        return std::nullopt;
    }

    // As if none of the records were there yet.
    [[nodiscard]] log::ReadResult nothing_of(const log::ReadResult& read) const {
        log::ReadResult nothing;
        nothing.next = log::SeqIx(next_);
        nothing.next_arrival = read.slices.front().frame->arrival();
        return nothing;
    }

    // Memory for the frames of an event; the cache makes room when there is none. False: there is none.
    bool take_memory(std::size_t bytes, core::MemoryLease& memory) {
        if (bytes <= event_size_small || memory.grow_to(bytes)) return true;
        service_.subscriptions.events().clear();
        return memory.grow_to(bytes);
    }

    // The next event: made here, or by another subscriber that was at the same place. Without frames when there is no
    // memory for them.
    Result<EventCache::Event> event_of(const log::ReadResult& read, bool shard_ended, TimestampMs now) {
        const MonotonicNs at = service_.clock.monotonic();
        const std::uint64_t next = read.next.value();
        EventCache& cache = service_.subscriptions.events();
        if (read.record_count > 0 && !shard_ended) {
            if (auto known = cache.find({uid_, next - read.record_count, next, read.at_tip}, at))
                return *std::move(known);
        }
        struct Made {
            core::MemoryLease memory;
            Buffer frames;
        };
        const auto made = std::make_shared<Made>();
        made->memory = core::MemoryLease(service_.memory, core::MemoryUse::subscriptions);
        const std::size_t bytes = encoded_size(read);
        if (!take_memory(bytes, made->memory)) return EventCache::Event();
        made->frames.reserve(made->memory.bytes());
        TRY_VOID(append_event(made->frames, read, shard_ended, now));
        const EventCache::Frames frames(made, &made->frames);
        EventCache::Event event{.shard_uid = uid_,
                                .from = next - read.record_count,
                                .next = next,
                                .payload_bytes = read.payload_bytes,
                                .at_tip = read.at_tip,
                                .made_at = at,
                                .frames = frames};
        // Sealed records stay out of caches.
        const bool sealed =
            std::ranges::any_of(read.slices, [](const auto& slice) { return slice.frame->is_sealed(); });
        if (read.record_count > 0 && !shard_ended && !sealed) cache.keep(event);
        return event;
    }

    Result<void> append_event(Buffer& frames, const log::ReadResult& read, bool shard_ended, TimestampMs now) {
        api::SubscribeToShardEvent event;
        const catalog::ShardState& state = *shard();
        TRY(const auto opened, fill_records(service_, *stream_, state, read, event.records));
        event.millis_behind_latest = millis_behind(read, now);
        if (shard_ended) {
            // AWS: no continuation is how a client knows the end of a shard (spec 5.4).
            event.child_shards = child_shards(*stream_, state);
        } else if (!event.records.empty()) {
            event.continuation_sequence_number = event.records.back().sequence_number;
        } else {
            // The number just before the next one: reading on after it skips and repeats nothing.
            SequenceNumber number;
            number.created_s = state.created_s;
            number.shard_index = state.index;
            number.seq_ix = read.next.value() == 0 ? 0 : read.next.value() - 1;
            number.time_s = now.value() / 1000;
            event.continuation_sequence_number = format_sequence_number(number).view();
        }
        wire::append_event(frames, "SubscribeToShardEvent", api::shapes::subscribe_to_shard_event, &event);
        return {};
    }

    // Until the shard's visible end moves, the subscription is displaced, or some time has passed.
    Task<void> wait_for_records() {
        co_await core::suspend([this](core::Wakeup& wakeup) {
            wakeup_ = &wakeup;
            waiter_.core = &core_;
            waiter_.wakeup = &wakeup;
            if (displaced_ || !service_.log.arm(log::ShardUid(uid_), log::SeqIx(next_), waiter_)) {
                core_.wake(wakeup);
                return;
            }
            armed_ = true;
            timer_.start(look_ms, [self = shared_from_this()] { self->interrupt(); });
        });
        timer_.cancel();
        armed_ = false;
    }

    // Wakes the wait unless the log has done so or is about to.
    void interrupt() {
        if (!armed_ || !service_.log.disarm(waiter_)) return;
        armed_ = false;
        core_.wake(*wakeup_);
    }

    Service& service_;
    core::Core& core_;
    StreamRef stream_;
    std::int32_t shard_index_;
    std::uint64_t uid_;
    std::string consumer_name_;
    std::string consumer_arn_;
    std::uint64_t next_;
    MonotonicNs began_;
    MonotonicNs last_event_;
    core::Timer timer_;
    std::shared_ptr<Subscription> subscription_;
    std::shared_ptr<StreamCounters> stream_counters_;
    ConsumerCounters& counters_;
    log::Waiter waiter_;
    core::Wakeup* wakeup_ = nullptr;
    bool armed_ = false;
    bool displaced_ = false;
};

aws::EventProducer producer_of(std::shared_ptr<Push> push) {
    return [push = std::move(push)](aws::EventWriter& writer) { return push->run(writer); };
}

}  // namespace

Task<Result<aws::EventProducer>> subscribe_to_shard(StreamsOp op, api::SubscribeToShardInput request) {
    CO_TRY(ConsumerRef consumer, resolve_consumer(op, request.consumer_arn, std::nullopt, std::nullopt));
    if (status_of(*consumer.consumer, op.now()) != api::ConsumerStatus::active) {
        co_return fail(errors::consumer_not_active(consumer.consumer->name,
                                                   consumer.consumer->created_at.value() / 1000, consumer.stream->name,
                                                   op.account()));
    }
    CO_TRY(ShardRef shard, op.shard_of(consumer.stream, request.shard_id));
    const StartingPoint start{request.starting_position.type, request.starting_position.sequence_number,
                              request.starting_position.timestamp};
    CO_TRY(const std::uint64_t next_seq, co_await find_position(op, shard, start));
    if (request.dry_run.value_or(false)) co_return fail(errors::dry_run());
    const std::string id = shard_id(shard.shard->index);
    auto push = std::make_shared<Push>(op.service(), op.core(), consumer, std::move(shard), next_seq);
    if (!push->begin()) {
        co_return fail(
            errors::another_subscription_active(op.account(), consumer.stream->name, id, consumer.consumer->name));
    }
    co_return producer_of(std::move(push));
}

}  // namespace riacho::streams
