#include <memory>

#include "aws/gen/kinesis/errors.gen.h"
#include "aws/gen/kinesis/types_subscribe_to_shard.gen.h"
#include "base/buffer.h"
#include "base/sequence_number.h"
#include "base/try.h"
#include "core/clock.h"
#include "core/task.h"
#include "core/timer.h"
#include "streams/consumers.h"
#include "streams/ops/ops.h"
#include "streams/position.h"
#include "streams/reader.h"
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
// Interval at which a quiet subscription checks whether the server is stopping or its consumer was deleted.
constexpr std::int64_t look_ms = 500;
constexpr log::ReadLimits event_limits{10'000, std::size_t{1} << 20};
// Memory for events up to this size is not counted: a connection costs as much.
constexpr std::size_t event_size_small = std::size_t{64} << 10;
constexpr std::int64_t room_wait_ms = 100;

// One SubscribeToShard stream to one client. Runs on one core, except displace().
class Push : public std::enable_shared_from_this<Push> {
public:
    Push(Service& service, core::Core& core, const ConsumerRef& consumer, ShardRef shard, std::uint64_t next_seq)
        : service_(service),
          core_(core),
          reader_(service, core, std::move(shard), log::SeqIx(next_seq)),
          consumer_name_(consumer.consumer->name),
          consumer_arn_(consumer.consumer->arn),
          began_(service.clock.monotonic()),
          last_event_(began_),
          subscription_(std::make_shared<Subscription>()),
          stream_counters_(service.metrics.of(stream().uid, stream().account, stream().region, stream().name)),
          counters_(stream_counters_->consumer(consumer_name_)) {}
    // run() is never called if the client goes away before the first frame.
    ~Push() { end(); }
    Push(const Push&) = delete;
    Push& operator=(const Push&) = delete;

    // False if the consumer's other subscription to this shard is too young to be displaced.
    bool begin() {
        subscription_->displace = [weak = weak_from_this(), &core = core_] {
            core::post(core, [weak] {
                const auto self = weak.lock();
                if (self == nullptr) return;
                self->displaced_ = true;
                self->reader_.interrupt();
            });
        };
        const bool began = service_.subscriptions.begin(consumer_arn_, shard().index, began_, subscription_);
        add(began ? counters_.subscribe_success : counters_.subscribe_refused, 1);
        return began;
    }

    Task<void> run(aws::EventWriter& writer) {
        const auto self = shared_from_this();
        co_await push(writer);
        end();
    }

private:
    void end() { service_.subscriptions.end(consumer_arn_, shard().index, *subscription_, service_.clock.monotonic()); }

    Task<void> push(aws::EventWriter& writer) {
        while (!writer.stopping() && service_.clock.monotonic().value() - began_.value() < lifetime_ns) {
            auto ended = end_of_subscription();
            if (ended) co_return co_await end_with(writer, *std::move(ended));
            auto read = co_await reader_.read(event_limits);
            if (!read) co_return co_await end_with(writer, read.error());
            if (read->log.record_count == 0 && !read->is_end_of_shard() && !heartbeat_due()) {
                co_await reader_.wait(look_ms);
                continue;
            }
            const TimestampMs now = service_.clock.now();
            EventCache::Event event = event_of(*read, now);
            if (event.frames == nullptr) {
                // Events of other subscribers use all the memory for events: the records have to wait.
                if (!heartbeat_due()) {
                    co_await core::sleep(core_, room_wait_ms);
                    continue;
                }
                event = event_of(nothing_of(*read), now);
            }
            reader_.move_on(log::SeqIx(event.next));
            last_event_ = service_.clock.monotonic();
            add(counters_.event_success, 1);
            add(counters_.event_records, event.next - event.from);
            add(counters_.event_bytes, event.payload_bytes);
            counters_.millis_behind = static_cast<std::uint64_t>(millis_behind(read->log, now));
            const bool is_end = read->is_end_of_shard() && event.next == read->log.next.value();
            // The event is a copy: the memory for reads is given back before a slow client takes the event.
            read->log = {};
            if (!co_await writer.write(event.frames->view()) || is_end) co_return;
        }
    }

    Task<void> end_with(aws::EventWriter& writer, aws::ApiError error) {
        Buffer frame;
        wire::append_event_exception(frame, error.code, error.message);
        co_await writer.write(frame.view());
    }

    [[nodiscard]] const catalog::StreamState& stream() const { return reader_.stream(); }
    [[nodiscard]] const catalog::ShardState& shard() const { return *reader_.shard().shard; }

    [[nodiscard]] bool heartbeat_due() const {
        return service_.clock.monotonic().value() - last_event_.value() >= heartbeat_ns;
    }

    // The error that ends the subscription, if there is one. Reads the newest catalog.
    std::optional<aws::ApiError> end_of_subscription() {
        const TimestampMs now = service_.clock.now();
        const std::string& account = stream().account;
        if (displaced_) {
            return errors::another_subscription_active(account, stream().name, shard_id(shard().index), consumer_name_);
        }
        StreamRef newest = service_.catalog.snapshot()->find_by_uid(stream().uid);
        if (newest == nullptr || newest->is_gone(now)) return errors::stream_not_found(stream().name, account);
        const catalog::ConsumerState* consumer = newest->find_consumer(consumer_name_, now);
        if (consumer == nullptr || consumer->arn != consumer_arn_ || consumer->deleted_at) {
            return errors::consumer_not_found(consumer_arn_, account);
        }
        if (!reader_.refresh(std::move(newest))) {
            return errors::shard_does_not_exist(shard_id(shard().index), stream().name, account);
        }
        return std::nullopt;
    }

    // An empty read at the present position, for a heartbeat.
    [[nodiscard]] ShardRead nothing_of(const ShardRead& read) const {
        ShardRead nothing;
        nothing.log.next = reader_.position();
        nothing.log.next_arrival = read.log.slices.front().frame->arrival();
        return nothing;
    }

    // Takes memory for the frames of an event, from the cache's events if necessary. False: there is none.
    bool take_memory(std::size_t bytes, core::MemoryLease& memory) {
        if (bytes <= event_size_small || memory.grow_to(bytes)) return true;
        service_.subscriptions.events().clear();
        return memory.grow_to(bytes);
    }

    // The next event: encoded here, or taken from another subscriber at the same position. Its frames are null when
    // there is no memory for them.
    EventCache::Event event_of(const ShardRead& read, TimestampMs now) {
        const MonotonicNs at = service_.clock.monotonic();
        const std::uint64_t uid = shard().uid;
        const std::uint64_t next = read.log.next.value();
        EventCache& cache = service_.subscriptions.events();
        const bool is_plain = read.log.record_count > 0 && !read.is_end_of_shard();
        if (is_plain) {
            if (auto known = cache.find({uid, read.first().value(), next, read.log.at_tip}, at))
                return *std::move(known);
        }
        struct Made {
            core::MemoryLease memory;
            Buffer frames;
        };
        const auto made = std::make_shared<Made>();
        made->memory = core::MemoryLease(service_.memory, core::MemoryUse::subscriptions);
        if (!take_memory(encoded_size(read.log), made->memory)) return {};
        made->frames.reserve(made->memory.bytes());
        append_event(made->frames, read, now);
        EventCache::Event event{.shard_uid = uid,
                                .from = read.first().value(),
                                .next = next,
                                .payload_bytes = read.log.payload_bytes,
                                .at_tip = read.log.at_tip,
                                .made_at = at,
                                .frames = EventCache::Frames(made, &made->frames)};
        // Decrypted records must not be cached.
        if (is_plain && read.opened.empty()) cache.keep(event);
        return event;
    }

    void append_event(Buffer& frames, const ShardRead& read, TimestampMs now) {
        api::SubscribeToShardEvent event;
        fill_records(shard(), read, event.records);
        event.millis_behind_latest = millis_behind(read.log, now);
        if (read.is_end_of_shard()) {
            // AWS: the client recognises the end of a shard by the missing ContinuationSequenceNumber (spec 5.4).
            event.child_shards = child_shards(stream(), shard());
        } else if (!event.records.empty()) {
            event.continuation_sequence_number = event.records.back().sequence_number;
        } else {
            // The number before the next record's: a client that continues after it skips and repeats no record.
            SequenceNumber number;
            number.created_s = shard().created_s;
            number.shard_index = shard().index;
            number.seq_ix = read.log.next.value() == 0 ? 0 : read.log.next.value() - 1;
            number.time_s = now.value() / 1000;
            event.continuation_sequence_number = format_sequence_number(number).view();
        }
        wire::append_event(frames, "SubscribeToShardEvent", api::shapes::subscribe_to_shard_event, &event);
    }

    Service& service_;
    core::Core& core_;
    ShardReader reader_;
    std::string consumer_name_;
    std::string consumer_arn_;
    MonotonicNs began_;
    MonotonicNs last_event_;
    std::shared_ptr<Subscription> subscription_;
    std::shared_ptr<StreamCounters> stream_counters_;
    ConsumerCounters& counters_;
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
