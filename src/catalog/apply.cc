#include "catalog/apply.h"

#include <algorithm>
#include <set>

#include "catalog/detail/apply_object.h"
#include "catalog/queue_progress.h"
#include "catalog/reshard.h"

namespace riacho::catalog {
namespace {

using Code = Verdict::Code;
using detail::apply_to_object;
using detail::reject;
using detail::tags_max;

// AWS: a shard's first sequence number is 2 to 7 s older than the call that made it (spec 2.2).
constexpr std::int64_t created_before_ms = 2'000;
constexpr std::int32_t on_demand_shards_min = 4;

class Applier {
public:
    Applier(State& state, TimestampMs now) : state_(state), now_(now) {}

    Outcome operator()(const CreateStream& command) {
        if (find(command.key) != nullptr) return reject(Code::stream_exists);
        // A stream of this name whose DELETING is over does not block the new one, even before its purge.
        auto stream = std::make_shared<StreamState>();
        stream->uid = state_.next_uid++;
        stream->account = command.key.account;
        stream->region = command.key.region;
        stream->name = command.key.name;
        stream->arn = command.arn;
        stream->mode = command.mode;
        const LastSeconds last = last_seconds_of(command.key);
        stream->created_at = TimestampMs(std::max(now_.value(), (last.created_s + 1) * 1000));
        const std::int64_t shard_s = std::max((now_.value() - created_before_ms) / 1000, last.shard_s + 1);
        stream->transition = begin(StreamStatus::creating, command.transition_ms);
        stream->transition_until = TimestampMs(now_.value() + command.transition_ms);
        stream->max_record_size_kib = command.max_record_size_kib;
        stream->warm_throughput_mibps = command.warm_throughput_mibps;
        stream->distribution = command.distribution;
        stream->tags = command.tags;
        Outcome outcome;
        for (std::uint32_t i = 0; i < command.shard_count; ++i) {
            ShardState& shard = stream->shards.emplace_back();
            shard.index = static_cast<std::int32_t>(i);
            shard.uid = state_.next_uid++;
            shard.starting_hash_key = even_shard_start(i, command.shard_count);
            shard.ending_hash_key =
                i + 1 == command.shard_count ? u128_max : even_shard_start(i + 1, command.shard_count) - 1;
            shard.created_s = shard_s;
            shard.opened_at = now_;
            outcome.effects.create.push_back({shard.uid, ShardClass::records});
        }
        stream->index_shards();
        return accept(std::move(stream), std::move(outcome));
    }

    Outcome operator()(const DeleteStream& command) {
        const auto stream = find(command.key);
        if (stream == nullptr) return reject(Code::stream_missing);
        if (stream->transition == StreamStatus::deleting) return reject(Code::stream_deleting, StreamStatus::deleting);
        const auto queues = living_over(*stream, ObjectState::Kind::queue);
        const bool has_consumers = stream->consumer_count(now_) > 0 || !queues.empty();
        if (!command.with_consumers && has_consumers) return reject(Code::stream_has_consumers);
        if (!living_over(*stream, ObjectState::Kind::channel).empty()) return reject(Code::stream_has_channels);
        auto changed = std::make_shared<StreamState>(*stream);
        changed->reshard.reset();
        // A stream that never became ACTIVE has never had open shards: they are closed, so that no listing shows them.
        if (stream->status(now_) == StreamStatus::creating) {
            for (ShardState& shard : changed->shards) shard.closed_at = TimestampMs(0);
            changed->index_shards();
        }
        changed->transition = StreamStatus::deleting;
        changed->transition_until = TimestampMs(now_.value() + command.transition_ms);
        Outcome outcome;
        for (const auto& queue : queues) {
            auto ending = std::make_shared<ObjectState>(*queue);
            ending->transition = StreamStatus::deleting;
            ending->transition_until = changed->transition_until;
            put(std::move(ending), outcome);
        }
        return accept(std::move(changed), std::move(outcome));
    }

    Outcome operator()(const PurgeStream& command) {
        const auto stream = state_.snapshot->find_by_uid(command.uid);
        if (stream == nullptr || !stream->is_gone(now_)) return reject(Code::stream_missing);
        Outcome outcome;
        for (const ShardState& shard : stream->shards) outcome.effects.drop.push_back(shard.uid);
        outcome.accepted = true;
        outcome.changes.streams.push_back(stream->uid);
        state_.snapshot = state_.snapshot->without(*stream);
        outcome.changes.ended_names = remember_name(*stream);
        return outcome;
    }

    Outcome operator()(const SetRetention& command) {
        const auto stream = find(command.key);
        if (stream == nullptr) return reject(Code::stream_missing);
        const std::int32_t current = stream->retention_hours;
        const bool increase = command.direction == SetRetention::Direction::increase;
        if (increase && command.hours < current)
            return reject(Code::retention_too_short, StreamStatus::active, current);
        if (!increase && command.hours > current)
            return reject(Code::retention_too_long, StreamStatus::active, current);
        auto changed = std::make_shared<StreamState>(*stream);
        changed->retention_hours = command.hours;
        Outcome outcome;
        outcome.effects.trim = command.floors;
        return accept(std::move(changed), std::move(outcome));
    }

    Outcome operator()(const AddTags& command) {
        const auto stream = find(command.key);
        if (stream == nullptr) return reject(Code::stream_missing);
        auto changed = std::make_shared<StreamState>(*stream);
        for (const auto& [name, value] : command.tags) changed->tags[name] = value;
        if (changed->tags.size() > tags_max) return reject(Code::too_many_tags);
        return accept(std::move(changed));
    }

    Outcome operator()(const RemoveTags& command) {
        const auto stream = find(command.key);
        if (stream == nullptr) return reject(Code::stream_missing);
        auto changed = std::make_shared<StreamState>(*stream);
        for (const std::string& name : command.names) changed->tags.erase(name);
        return accept(std::move(changed));
    }

    Outcome operator()(const Reshard& command) {
        const auto stream = find(command.key);
        if (stream == nullptr) return reject(Code::stream_missing);
        const StreamStatus status = stream->status(now_);
        if (status != StreamStatus::active) return reject(Code::stream_not_active, status);
        if (stream->reshard) return reject(Code::stream_not_active, StreamStatus::updating);
        if (stream->mode == StreamMode::on_demand && !command.by_service) return reject(Code::stream_on_demand);
        if (const auto refused = check_reshard(*stream, command.plan)) {
            return reject(refused->code, StreamStatus::active, refused->number);
        }
        auto changed = std::make_shared<StreamState>(*stream);
        changed->reshard = command.plan;
        if (command.plan.kind == PendingReshard::Kind::uniform) {
            changed->reshard->shard = stream->shards.back().index + 1;
        }
        update(*changed, command.transition_ms);
        return accept(std::move(changed));
    }

    Outcome operator()(const ContinueReshard& command) {
        const auto stream = state_.snapshot->find_by_uid(command.uid);
        const bool due = stream != nullptr && stream->reshard && stream->transition != StreamStatus::deleting &&
                         now_ >= stream->transition_until;
        if (!due) return reject(Code::stream_missing);
        auto changed = std::make_shared<StreamState>(*stream);
        Outcome outcome;
        const bool finished = continue_reshard(*changed, now_, state_.next_uid, outcome.effects);
        if (finished) changed->reshard.reset();
        changed->index_shards();
        return accept(std::move(changed), std::move(outcome));
    }

    Outcome operator()(const RegisterConsumer& command) {
        const auto stream = find(command.key);
        if (stream == nullptr) return reject(Code::stream_missing);
        const StreamStatus status = stream->status(now_);
        if (status == StreamStatus::creating || status == StreamStatus::deleting) {
            return reject(Code::stream_not_active, status);
        }
        if (stream->find_consumer(command.name, now_) != nullptr) return reject(Code::consumer_exists);
        auto changed = std::make_shared<StreamState>(*stream);
        // The ARN of a consumer contains its creation second. A later consumer of the name gets a later second, so a
        // deleted consumer is kept until its second is over.
        std::int64_t created_s = std::max(now_.value(), stream->created_at.value()) / 1000;
        if (const auto last = stream->consumers.find(command.name); last != stream->consumers.end()) {
            created_s = std::max(created_s, last->second.created_at.value() / 1000 + 1);
        }
        std::erase_if(changed->consumers, [&](const auto& entry) {
            const bool is_past = entry.second.created_at.value() / 1000 < now_.value() / 1000;
            return entry.second.is_gone(now_) && (is_past || entry.first == command.name);
        });
        // A queue counts as a consumer.
        const auto living = static_cast<std::size_t>(changed->consumer_count(now_));
        if (living + living_over(*stream, ObjectState::Kind::queue).size() >= command.consumers_max)
            return reject(Code::too_many_consumers);
        ConsumerState consumer;
        consumer.name = command.name;
        consumer.arn = stream->arn + "/consumer/" + command.name + ":" + std::to_string(created_s);
        consumer.created_at = TimestampMs(std::max(now_.value(), created_s * 1000));
        if (command.transition_ms != 0) consumer.active_at = TimestampMs(now_.value() + command.transition_ms);
        consumer.tags = command.tags;
        changed->consumers.emplace(command.name, std::move(consumer));
        return accept(std::move(changed));
    }

    Outcome operator()(const DeregisterConsumer& command) {
        const auto stream = find(command.key);
        if (stream == nullptr) return reject(Code::stream_missing);
        const ConsumerState* consumer = stream->find_consumer(command.name, now_);
        if (consumer == nullptr) return reject(Code::consumer_missing);
        auto changed = std::make_shared<StreamState>(*stream);
        ConsumerState& ending = changed->consumers.find(command.name)->second;
        if (!ending.deleted_at) ending.deleted_at = TimestampMs(now_.value() + command.transition_ms);
        return accept(std::move(changed));
    }

    Outcome operator()(const ConfigureStream& command) {
        const auto stream = find(command.key);
        if (stream == nullptr) return reject(Code::stream_missing);
        const StreamStatus status = stream->status(now_);
        const bool has_transition = command.transition_ms >= 0;
        if (status == StreamStatus::deleting || (has_transition && status != StreamStatus::active)) {
            return reject(Code::stream_not_active, status);
        }
        if (has_transition && stream->reshard) return reject(Code::stream_not_active, StreamStatus::updating);
        auto changed = std::make_shared<StreamState>(*stream);
        if (command.max_record_size_kib) changed->max_record_size_kib = *command.max_record_size_kib;
        if (command.warm_throughput_mibps) changed->warm_throughput_mibps = *command.warm_throughput_mibps;
        if (command.distribution) changed->distribution = *command.distribution;
        changed->shard_metrics |= command.metrics_on;
        changed->shard_metrics &= static_cast<std::uint8_t>(~command.metrics_off);
        if (command.key_id) changed->key_id = *command.key_id;
        if (!command.new_data_key.empty()) changed->data_keys.push_back(command.new_data_key);
        if (command.policy) changed->policy = *command.policy;
        if (command.mode) set_mode(*changed, *command.mode);
        if (has_transition) update(*changed, command.transition_ms);
        return accept(std::move(changed));
    }

    Outcome operator()(const ConfigureConsumer& command) {
        const auto stream = find(command.key);
        if (stream == nullptr) return reject(Code::stream_missing);
        if (stream->find_consumer(command.name, now_) == nullptr) return reject(Code::consumer_missing);
        auto changed = std::make_shared<StreamState>(*stream);
        ConsumerState& consumer = changed->consumers.find(command.name)->second;
        if (command.policy) consumer.policy = *command.policy;
        for (const auto& [name, value] : command.add_tags) consumer.tags[name] = value;
        for (const std::string& name : command.remove_tags) consumer.tags.erase(name);
        if (consumer.tags.size() > tags_max) return reject(Code::too_many_tags);
        return accept(std::move(changed));
    }

    Outcome operator()(const CreateObject& command) { return apply_to_object(state_, command, now_); }
    Outcome operator()(const ReplaceObjects& command) { return apply_to_object(state_, command, now_); }
    Outcome operator()(const TagObject& command) { return apply_to_object(state_, command, now_); }
    Outcome operator()(const DeleteObject& command) { return apply_to_object(state_, command, now_); }
    Outcome operator()(const PurgeObject& command) { return apply_to_object(state_, command, now_); }
    Outcome operator()(const MoveProgress& command) { return apply_to_object(state_, command, now_); }
    Outcome operator()(const QueueProgress& command) { return apply_to_object(state_, command, now_); }

    Outcome operator()(const ForgetShards& command) {
        const auto stream = state_.snapshot->find_by_uid(command.stream_uid);
        if (stream == nullptr || stream->is_gone(now_)) return reject(Code::stream_missing);
        const std::set<std::uint64_t> wanted(command.shards.begin(), command.shards.end());
        auto changed = std::make_shared<StreamState>(*stream);
        Outcome outcome;
        std::erase_if(changed->shards, [&](const ShardState& shard) {
            const bool goes = wanted.contains(shard.uid) && stream->is_expired(shard, now_);
            if (goes) outcome.effects.drop.push_back(shard.uid);
            return goes;
        });
        if (outcome.effects.drop.empty()) return reject(Code::shards_not_expired);
        changed->index_shards();
        forget_progress(*stream, outcome);
        return accept(std::move(changed), std::move(outcome));
    }

    Outcome operator()(const PutCredential& command) {
        const auto present = state_.snapshot->find_user(command.credential.user);
        if (present != nullptr && !command.replace) return reject(Code::user_exists);
        if (present == nullptr && command.replace) return reject(Code::user_missing);
        Outcome outcome;
        outcome.accepted = true;
        auto credential = std::make_shared<CredentialState>(command.credential);
        credential->created_at = now_;
        if (present != nullptr) {
            credential->account = present->account;
            outcome.changes.access_keys.push_back(present->access_key);
            state_.snapshot = state_.snapshot->without(*present);
        }
        outcome.changes.access_keys.push_back(credential->access_key);
        state_.snapshot = state_.snapshot->with(std::move(credential));
        return outcome;
    }

    Outcome operator()(const RemoveUser& command) {
        const auto present = state_.snapshot->find_user(command.user);
        if (present == nullptr) return reject(Code::user_missing);
        Outcome outcome;
        outcome.accepted = true;
        outcome.changes.access_keys.push_back(present->access_key);
        state_.snapshot = state_.snapshot->without(*present);
        return outcome;
    }

private:
    // The newest seconds that any stream of that name has used, purged or not.
    [[nodiscard]] LastSeconds last_seconds_of(const StreamKey& key) const {
        LastSeconds last = state_.snapshot->ended_name(key.account, key.region, key.name);
        if (const auto stream = state_.snapshot->find(key.account, key.region, key.name)) last.raise(*stream);
        return last;
    }

    // Keeps the seconds of a purged stream while a new stream of its name could get the same. Returns true: the ended
    // names have changed.
    bool remember_name(const StreamState& stream) {
        const LastSeconds natural{now_.value() / 1000, (now_.value() - created_before_ms) / 1000};
        state_.snapshot = state_.snapshot->with_ended(stream, natural);
        return true;
    }

    // Removes the progress of the stream's queues on dropped shards.
    void forget_progress(const StreamState& stream, Outcome& outcome) {
        Progress progress = state_.snapshot->progress();
        for (const auto& queue : state_.snapshot->objects_over(stream.uid)) {
            if (queue->kind != ObjectState::Kind::queue) continue;
            for (const std::uint64_t shard_uid : outcome.effects.drop) {
                for (ProgressKey& key : keys_of_shard(progress, queue->uid, shard_uid)) {
                    progress = progress.without(key);
                    outcome.changes.progress.push_back(std::move(key));
                }
            }
        }
        if (!outcome.changes.progress.empty()) state_.snapshot = state_.snapshot->with(std::move(progress));
    }

    // The objects of one kind that read the stream and are not being deleted.
    [[nodiscard]] std::vector<std::shared_ptr<const ObjectState>> living_over(const StreamState& stream,
                                                                              ObjectState::Kind kind) const {
        auto found = state_.snapshot->objects_over(stream.uid);
        std::erase_if(found, [&](const auto& object) {
            if (object->kind != kind) return true;
            // A channel holds its stream until its own DELETING is over.
            return kind == ObjectState::Kind::channel ? object->is_gone(now_)
                                                      : object->transition == StreamStatus::deleting;
        });
        return found;
    }

    // The stream of that name that is not gone; null if there is none.
    [[nodiscard]] std::shared_ptr<const StreamState> find(const StreamKey& key) const {
        auto stream = state_.snapshot->find(key.account, key.region, key.name);
        return stream == nullptr || stream->is_gone(now_) ? nullptr : stream;
    }

    // A transition of zero length is never visible, not even to a call that began a moment before the command.
    static StreamStatus begin(StreamStatus transition, std::int64_t transition_ms) {
        return transition_ms == 0 ? StreamStatus::active : transition;
    }

    void update(StreamState& stream, std::int64_t transition_ms) const {
        stream.transition = begin(StreamStatus::updating, transition_ms);
        stream.transition_until = TimestampMs(now_.value() + transition_ms);
    }

    // AWS: an on-demand stream has the capacity of four shards at least (data-streams spec 4.10).
    static void set_mode(StreamState& stream, StreamMode mode) {
        stream.mode = mode;
        if (mode != StreamMode::on_demand || stream.open_shard_count() >= on_demand_shards_min) return;
        stream.reshard.emplace();
        stream.reshard->kind = PendingReshard::Kind::uniform_v1;  // journals of version 0.1 require this kind
        stream.reshard->target_shard_count = on_demand_shards_min;
    }

    void put(std::shared_ptr<ObjectState> object, Outcome& outcome) {
        outcome.changes.objects.push_back(object->uid);
        state_.snapshot = state_.snapshot->with(std::move(object));
    }

    Outcome accept(std::shared_ptr<StreamState> stream, Outcome outcome = {}) {
        outcome.accepted = true;
        outcome.changes.streams.push_back(stream->uid);
        state_.snapshot = state_.snapshot->with(std::move(stream));
        return outcome;
    }

    State& state_;
    TimestampMs now_;
};

}  // namespace

Outcome apply(State& state, const Command& command, TimestampMs now) {
    return std::visit(Applier(state, now), command);
}

std::size_t effects_max(const State& state, const Command& command) {
    if (const auto* create = std::get_if<CreateStream>(&command)) return create->shard_count;
    if (const auto* retention = std::get_if<SetRetention>(&command)) return retention->floors.size();
    if (const auto* forget = std::get_if<ForgetShards>(&command)) return forget->shards.size();
    if (const auto* purge = std::get_if<PurgeStream>(&command)) {
        const auto stream = state.snapshot->find_by_uid(purge->uid);
        return stream == nullptr ? 0 : stream->shards.size();
    }
    if (const auto* reshard = std::get_if<ContinueReshard>(&command)) {
        const auto stream = state.snapshot->find_by_uid(reshard->uid);
        // A split closes one shard and opens two, a merge closes two and opens one.
        return stream == nullptr ? 0 : 3 * static_cast<std::size_t>(stream->open_shard_count());
    }
    return detail::object_effects_max(state, command);
}

bool may_end_shards(const Command& command) {
    if (const auto* replace = std::get_if<ReplaceObjects>(&command)) {
        return std::ranges::any_of(replace->replacements,
                                   [](const auto& replacement) { return !replacement.drop_shards.empty(); });
    }
    return std::holds_alternative<PurgeStream>(command) || std::holds_alternative<ContinueReshard>(command) ||
           std::holds_alternative<ForgetShards>(command) || std::holds_alternative<PurgeObject>(command);
}

}  // namespace riacho::catalog
