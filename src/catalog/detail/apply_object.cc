#include "catalog/detail/apply_object.h"

#include <algorithm>
#include <map>

#include "catalog/queue_progress.h"

namespace riacho::catalog::detail {
namespace {

using Code = Verdict::Code;
using Pointer = std::shared_ptr<const ObjectState>;

// The object unless it is gone; null if there is none.
Pointer find(const State& state, const ObjectRef& ref, TimestampMs now) {
    auto object = ref.uid != 0 ? state.snapshot->find_object(ref.uid) : state.snapshot->find_object(ref.arn);
    return object == nullptr || object->is_gone(now) ? nullptr : object;
}

void put(State& state, std::shared_ptr<ObjectState> object, Outcome& outcome) {
    outcome.accepted = true;
    outcome.changes.objects.push_back(object->uid);
    state.snapshot = state.snapshot->with(std::move(object));
}

// The reason why the stream of a new object cannot be read. Checked here, because a DeleteStream may be ordered first.
std::optional<Outcome> check_source(const State& state, const ObjectState& object, TimestampMs now) {
    if (object.stream_uid == 0) return std::nullopt;
    const auto stream = state.snapshot->find_by_uid(object.stream_uid);
    if (stream == nullptr || stream->is_gone(now)) return reject(Code::stream_missing);
    const StreamStatus status = stream->status(now);
    if (status != StreamStatus::creating && status != StreamStatus::deleting) return std::nullopt;
    return reject(Code::stream_not_active, status);
}

// Whether the account may have one more object. Objects that are gone and wait for their purge do not count.
bool has_room(const State& state, const CreateObject& command, TimestampMs now) {
    if (command.count_max == 0) return true;
    const ObjectState& object = command.object;
    const auto others = state.snapshot->objects_of(object.kind, object.account, object.region);
    const auto living = std::ranges::count_if(others, [&](const auto& other) { return !other->is_gone(now); });
    return static_cast<std::size_t>(living) < command.count_max;
}

void own_shards(State& state, ObjectState& object, const std::vector<ShardClass>& wanted, LogEffects& effects) {
    for (const ShardClass shard_class : wanted) {
        object.shards.push_back({state.next_uid++, shard_class});
        effects.create.push_back(object.shards.back());
    }
}

bool owns(const ObjectState& object, std::uint64_t shard_uid) {
    return std::ranges::find(object.shards, shard_uid, &OwnedShard::uid) != object.shards.end();
}

// A transition of zero length is never visible, not even to a call that began a moment before the command.
void begin(ObjectState& object, StreamStatus transition, TimestampMs now, std::int64_t transition_ms) {
    object.transition = transition_ms == 0 ? StreamStatus::active : transition;
    object.transition_until = TimestampMs(now.value() + transition_ms);
}

bool has_shard(const StreamState* stream, std::uint64_t shard_uid) {
    return stream != nullptr && std::ranges::find(stream->shards, shard_uid, &ShardState::uid) != stream->shards.end();
}

// The reason why a replacement is rejected.
std::optional<Outcome> check(const ReplaceObjects::Replacement& change, const Pointer& present, TimestampMs now) {
    if (present == nullptr) return reject(Code::object_missing);
    if (change.version != 0 && change.version != present->version) {
        return reject(Code::object_changed, StreamStatus::active, static_cast<std::int64_t>(present->version));
    }
    const StreamStatus status = present->status(now);
    if (change.transition_ms >= 0 && status != StreamStatus::active) return reject(Code::object_not_active, status);
    if (change.tags && change.tags->size() > tags_max) return reject(Code::too_many_tags);
    for (const std::uint64_t uid : change.drop_shards) {
        if (!owns(*present, uid)) return reject(Code::shard_missing);
    }
    return std::nullopt;
}

// The progress after an owner's moves; nothing if one of them is refused.
std::optional<Progress> moved(const Progress& progress, const MoveProgress::OwnerMoves& owner) {
    Progress next = progress;
    for (const MoveProgress::Move& move : owner.moves) {
        ProgressKey key{owner.owner, move.key};
        const ProgressValue* present = next.find(key);
        const std::string_view value = present == nullptr ? std::string_view() : std::string_view(**present);
        if (move.expected && *move.expected != value) return std::nullopt;
        if (move.key.size() > progress_key_size_max) return std::nullopt;
        if (!move.value) {
            next = next.without(key);
            continue;
        }
        if (move.value->size() > progress_value_size_max) return std::nullopt;
        next = next.with(std::move(key), std::make_shared<const std::string>(*move.value));
    }
    return next;
}

bool owns_all(const ObjectState& object, const std::vector<ShardFloor>& trims) {
    return std::ranges::all_of(trims, [&](const ShardFloor& trim) { return owns(object, trim.shard_uid); });
}

// Merges the trims of one shard: effects may name each shard once.
void add_trims(LogEffects& effects, const std::vector<ShardFloor>& trims) {
    for (const ShardFloor& trim : trims) {
        const auto known = std::ranges::find(effects.trim, trim.shard_uid, &ShardFloor::shard_uid);
        if (known == effects.trim.end()) {
            effects.trim.push_back(trim);
        } else {
            known->first_seq = std::max(known->first_seq, trim.first_seq);
        }
    }
}

}  // namespace

Outcome reject(Code code, StreamStatus status, std::int64_t number) {
    Outcome outcome;
    outcome.verdict = {code, status, number, {}};
    return outcome;
}

Outcome apply_to_object(State& state, const CreateObject& command, TimestampMs now) {
    const ObjectState& wanted = command.object;
    if (find(state, {0, wanted.arn}, now) != nullptr) return reject(Code::object_exists);
    if (const auto named = state.snapshot->find_object(wanted.kind, wanted.account, wanted.region, wanted.name);
        named != nullptr && !named->is_gone(now)) {
        return reject(Code::object_exists);
    }
    if (wanted.tags.size() > tags_max) return reject(Code::too_many_tags);
    if (const auto refused = check_source(state, wanted, now)) return *refused;
    if (!has_room(state, command, now)) return reject(Code::too_many_objects);
    Outcome outcome;
    auto object = std::make_shared<ObjectState>(wanted);
    object->uid = state.next_object_uid++;
    object->version = 1;
    object->created_at = now;
    object->shards.clear();
    begin(*object, StreamStatus::creating, now, command.transition_ms);
    own_shards(state, *object, command.shards, outcome.effects);
    Progress progress = state.snapshot->progress();
    for (const auto& [name, value] : command.progress) {
        ProgressKey key{object->uid, name};
        outcome.changes.progress.push_back(key);
        progress = progress.with(std::move(key), std::make_shared<const std::string>(value));
    }
    if (!command.progress.empty()) state.snapshot = state.snapshot->with(std::move(progress));
    put(state, std::move(object), outcome);
    return outcome;
}

Outcome apply_to_object(State& state, const ReplaceObjects& command, TimestampMs now) {
    std::vector<Pointer> present;
    for (const ReplaceObjects::Replacement& change : command.replacements) {
        present.push_back(find(state, change.object, now));
        if (const auto refused = check(change, present.back(), now)) return *refused;
        // Each object only once: the second replacement would undo the first.
        if (std::ranges::count(present, present.back()) > 1) return reject(Code::object_changed);
    }
    Outcome outcome;
    for (std::size_t i = 0; i < present.size(); ++i) {
        const ReplaceObjects::Replacement& change = command.replacements[i];
        auto object = std::make_shared<ObjectState>(*present[i]);
        ++object->version;
        object->settings = change.settings;
        object->wake_at = change.wake_at;
        if (change.tags) object->tags = *change.tags;
        if (change.transition_ms >= 0) begin(*object, StreamStatus::updating, now, change.transition_ms);
        for (const std::uint64_t uid : change.drop_shards) {
            if (std::erase_if(object->shards, [&](const OwnedShard& shard) { return shard.uid == uid; }) != 0) {
                outcome.effects.drop.push_back(uid);
            }
        }
        own_shards(state, *object, change.add_shards, outcome.effects);
        put(state, std::move(object), outcome);
    }
    return outcome;
}

Outcome apply_to_object(State& state, const TagObject& command, TimestampMs now) {
    const Pointer present = find(state, command.object, now);
    if (present == nullptr) return reject(Code::object_missing);
    auto object = std::make_shared<ObjectState>(*present);
    for (const auto& [name, value] : command.add) object->tags[name] = value;
    for (const std::string& name : command.remove) object->tags.erase(name);
    if (object->tags.size() > tags_max) return reject(Code::too_many_tags);
    Outcome outcome;
    put(state, std::move(object), outcome);
    return outcome;
}

Outcome apply_to_object(State& state, const DeleteObject& command, TimestampMs now) {
    const Pointer present = find(state, command.object, now);
    if (present == nullptr) return reject(Code::object_missing);
    if (present->transition == StreamStatus::deleting) return reject(Code::object_not_active, StreamStatus::deleting);
    if (command.version != 0 && command.version != present->version) {
        return reject(Code::object_changed, StreamStatus::active, static_cast<std::int64_t>(present->version));
    }
    auto object = std::make_shared<ObjectState>(*present);
    object->transition = StreamStatus::deleting;
    object->transition_until = TimestampMs(now.value() + command.transition_ms);
    Outcome outcome;
    put(state, std::move(object), outcome);
    return outcome;
}

Outcome apply_to_object(State& state, const PurgeObject& command, TimestampMs now) {
    const ObjectRef& ref = command.object;
    const auto present = ref.uid != 0 ? state.snapshot->find_object(ref.uid) : state.snapshot->find_object(ref.arn);
    if (present == nullptr || !present->is_gone(now)) return reject(Code::object_missing);
    Outcome outcome;
    outcome.accepted = true;
    for (const OwnedShard& shard : present->shards) outcome.effects.drop.push_back(shard.uid);
    outcome.changes.objects.push_back(present->uid);
    outcome.changes.owners.push_back(present->uid);
    state.snapshot = state.snapshot->without(*present);
    return outcome;
}

Outcome apply_to_object(State& state, const MoveProgress& command, TimestampMs now) {
    Outcome outcome;
    Progress progress = state.snapshot->progress();
    for (std::uint32_t i = 0; i < command.owners.size(); ++i) {
        const MoveProgress::OwnerMoves& owner = command.owners[i];
        const Pointer object = find(state, {owner.owner, {}}, now);
        auto next = object != nullptr && owns_all(*object, owner.trims) ? moved(progress, owner) : std::nullopt;
        if (!next) {
            outcome.verdict.refused.push_back(i);
            continue;
        }
        progress = *std::move(next);
        for (const MoveProgress::Move& move : owner.moves) outcome.changes.progress.push_back({owner.owner, move.key});
        add_trims(outcome.effects, owner.trims);
    }
    // Rejected if no move was made, so that the journal keeps no trace of the command.
    if (outcome.verdict.refused.size() == command.owners.size()) return reject(Code::progress_refused);
    outcome.accepted = true;
    state.snapshot = state.snapshot->with(std::move(progress));
    return outcome;
}

Outcome apply_to_object(State& state, const QueueProgress& command, TimestampMs now) {
    const Pointer queue = find(state, {0, command.arn}, now);
    if (queue == nullptr || queue->kind != ObjectState::Kind::queue) return reject(Code::object_missing);
    const Progress progress = state.snapshot->progress();
    const auto stream = state.snapshot->find_by_uid(queue->stream_uid);
    std::map<std::uint64_t, QueueShardEditor> shards;
    for (const QueueProgress::Step& step : command.steps) {
        // Steps on a shard that was forgotten after the record was received are ignored.
        const bool is_known = shards.contains(step.shard_uid) || has_shard(stream.get(), step.shard_uid);
        if (!is_known) continue;
        QueueShardEditor& shard =
            shards.try_emplace(step.shard_uid, progress, queue->uid, step.shard_uid).first->second;
        switch (step.action) {
            case QueueProgress::Action::acknowledge:
                shard.acknowledge(step.seq);
                break;
            case QueueProgress::Action::bury:
                shard.bury(step.seq);
                break;
            case QueueProgress::Action::acknowledge_dead:
                shard.acknowledge_dead(step.seq);
                break;
            case QueueProgress::Action::restore:
                shard.restore(step.seq);
                break;
            case QueueProgress::Action::skip:
                shard.skip(step.seq);
                break;
        }
    }
    Outcome outcome;
    outcome.accepted = true;
    Progress next = progress;
    for (auto& [uid, shard] : shards) {
        for (auto& [key, value] : shard.take()) {
            outcome.changes.progress.push_back(key);
            next = value != nullptr ? next.with(std::move(key), std::move(value)) : next.without(key);
        }
    }
    state.snapshot = state.snapshot->with(std::move(next));
    return outcome;
}

std::size_t object_effects_max(const State& state, const Command& command) {
    if (const auto* create = std::get_if<CreateObject>(&command)) return create->shards.size();
    if (const auto* purge = std::get_if<PurgeObject>(&command)) {
        const ObjectRef& ref = purge->object;
        const auto object = ref.uid != 0 ? state.snapshot->find_object(ref.uid) : state.snapshot->find_object(ref.arn);
        return object == nullptr ? 0 : object->shards.size();
    }
    std::size_t count = 0;
    if (const auto* replace = std::get_if<ReplaceObjects>(&command)) {
        for (const auto& change : replace->replacements) count += change.add_shards.size() + change.drop_shards.size();
    }
    if (const auto* move = std::get_if<MoveProgress>(&command)) {
        for (const auto& owner : move->owners) count += owner.trims.size();
    }
    return count;
}

}  // namespace riacho::catalog::detail
