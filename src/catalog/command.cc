#include "catalog/command.h"

#include "base/check.h"
#include "base/codec.h"
#include "catalog/detail/legacy.h"
#include "catalog/detail/tags_codec.h"

namespace riacho::catalog {
namespace {

// The first byte of a command. Numbers are never reused.
enum class Kind : std::uint8_t {
    create_stream = 1,
    delete_stream = 2,
    purge_stream = 3,
    set_retention = 4,
    add_tags = 5,
    remove_tags = 6,
    put_credential = 7,
    remove_user = 8,
    reshard = 9,
    continue_reshard = 10,
    register_consumer = 11,
    deregister_consumer = 12,
    configure_stream = 13,
    configure_consumer = 14,
    put_resource = 15,     // version 1 of the directory; decoded as the commands that replace it
    delete_resource = 16,  // likewise
    purge_resource = 17,   // likewise
    queue_progress = 18,
    create_object = 19,
    replace_objects = 20,
    tag_object = 21,
    delete_object = 22,
    purge_object = 23,
    move_progress = 24,
    forget_shards = 25
};
constexpr std::uint8_t command_format = 1;

void put(Encoder& out, const StreamKey& key) {
    out.text(key.account);
    out.text(key.region);
    out.text(key.name);
}

StreamKey get_key(Decoder& in) {
    StreamKey key;
    key.account = in.text();
    key.region = in.text();
    key.name = in.text();
    return key;
}

// For numbers that are never negative; -1 encodes absence.
void put(Encoder& out, const std::optional<std::int32_t>& number) {
    out.number(static_cast<std::uint32_t>(number.value_or(-1)));
}

std::optional<std::int32_t> get_optional_number(Decoder& in) {
    const auto number = static_cast<std::int32_t>(in.number<std::uint32_t>());
    if (number < -1) in.fail();
    if (number < 0) return std::nullopt;
    return number;
}

// For enumerations with the two values 0 and 1; 255 encodes absence.
template <class Enum>
void put_choice(Encoder& out, const std::optional<Enum>& choice) {
    out.number(choice ? static_cast<std::uint8_t>(*choice) : std::uint8_t{255});
}

template <class Enum>
std::optional<Enum> get_choice(Decoder& in) {
    const auto choice = in.number<std::uint8_t>();
    if (choice > 1 && choice != 255) in.fail();
    if (choice > 1) return std::nullopt;
    return static_cast<Enum>(choice);
}

void put(Encoder& out, const std::vector<ShardFloor>& floors) {
    out.varint(floors.size());
    for (const ShardFloor& floor : floors) {
        out.number(floor.shard_uid);
        out.number(floor.first_seq);
    }
}

std::vector<ShardFloor> get_floors(Decoder& in) {
    std::vector<ShardFloor> floors;
    for (std::size_t left = in.count(); left > 0 && in.ok(); --left) {
        ShardFloor& floor = floors.emplace_back();
        floor.shard_uid = in.number<std::uint64_t>();
        floor.first_seq = in.number<std::uint64_t>();
    }
    return floors;
}

void put(Encoder& out, const ObjectRef& object) {
    out.number(object.uid);
    out.text(object.arn);
}

ObjectRef get_object_ref(Decoder& in) {
    ObjectRef object{in.number<std::uint64_t>(), {}};
    object.arn = in.text();
    return object;
}

void put(Encoder& out, const std::vector<ShardClass>& classes) {
    out.varint(classes.size());
    for (const ShardClass shard_class : classes) out.number(static_cast<std::uint8_t>(shard_class));
}

std::vector<ShardClass> get_shard_classes(Decoder& in) {
    std::vector<ShardClass> classes;
    for (std::size_t left = in.count(); left > 0 && in.ok(); --left) classes.push_back(detail::get_shard_class(in));
    return classes;
}

std::vector<std::uint64_t> get_uids(Decoder& in) {
    std::vector<std::uint64_t> uids;
    for (std::size_t left = in.count(); left > 0 && in.ok(); --left) uids.push_back(in.number<std::uint64_t>());
    return uids;
}

struct Write {
    Encoder& out;

    void start(Kind kind) const {
        out.number(static_cast<std::uint8_t>(kind));
        out.number(command_format);
    }
    void operator()(const CreateStream& command) const {
        start(Kind::create_stream);
        put(out, command.key);
        out.text(command.arn);
        out.number(static_cast<std::uint8_t>(command.mode));
        out.number(command.shard_count);
        out.number(static_cast<std::uint32_t>(command.max_record_size_kib));
        out.number(static_cast<std::uint32_t>(command.warm_throughput_mibps));
        out.number(static_cast<std::uint8_t>(command.distribution));
        detail::put(out, command.tags);
        out.number(static_cast<std::uint64_t>(command.transition_ms));
    }
    void operator()(const DeleteStream& command) const {
        start(Kind::delete_stream);
        put(out, command.key);
        out.number(static_cast<std::uint64_t>(command.transition_ms));
        out.number(static_cast<std::uint8_t>(command.with_consumers));
    }
    void operator()(const PurgeStream& command) const {
        start(Kind::purge_stream);
        out.number(command.uid);
    }
    void operator()(const SetRetention& command) const {
        start(Kind::set_retention);
        put(out, command.key);
        out.number(static_cast<std::uint32_t>(command.hours));
        out.number(static_cast<std::uint8_t>(command.direction));
        put(out, command.floors);
    }
    void operator()(const Reshard& command) const {
        start(Kind::reshard);
        put(out, command.key);
        out.text(encode(command.plan));
        out.number(static_cast<std::uint64_t>(command.transition_ms));
        out.number(static_cast<std::uint8_t>(command.by_service));
    }
    void operator()(const ContinueReshard& command) const {
        start(Kind::continue_reshard);
        out.number(command.uid);
    }
    void operator()(const RegisterConsumer& command) const {
        start(Kind::register_consumer);
        put(out, command.key);
        out.text(command.name);
        detail::put(out, command.tags);
        out.number(command.consumers_max);
        out.number(static_cast<std::uint64_t>(command.transition_ms));
    }
    void operator()(const DeregisterConsumer& command) const {
        start(Kind::deregister_consumer);
        put(out, command.key);
        out.text(command.name);
        out.number(static_cast<std::uint64_t>(command.transition_ms));
    }
    void operator()(const ConfigureStream& command) const {
        start(Kind::configure_stream);
        put(out, command.key);
        out.number(static_cast<std::uint64_t>(command.transition_ms));
        put_choice(out, command.mode);
        put(out, command.max_record_size_kib);
        put(out, command.warm_throughput_mibps);
        put_choice(out, command.distribution);
        out.number(command.metrics_on);
        out.number(command.metrics_off);
        out.optional_text(command.key_id);
        out.text(command.new_data_key);
        out.optional_text(command.policy);
    }
    void operator()(const ConfigureConsumer& command) const {
        start(Kind::configure_consumer);
        put(out, command.key);
        out.text(command.name);
        out.optional_text(command.policy);
        detail::put(out, command.add_tags);
        out.varint(command.remove_tags.size());
        for (const std::string& name : command.remove_tags) out.text(name);
    }
    void operator()(const CreateObject& command) const {
        start(Kind::create_object);
        out.text(encode(command.object));
        put(out, command.shards);
        out.varint(command.progress.size());
        for (const auto& [key, value] : command.progress) {
            out.text(key);
            out.text(value);
        }
        out.number(command.count_max);
        out.number(static_cast<std::uint64_t>(command.transition_ms));
    }
    void operator()(const ReplaceObjects& command) const {
        start(Kind::replace_objects);
        out.varint(command.replacements.size());
        for (const ReplaceObjects::Replacement& change : command.replacements) {
            put(out, change.object);
            out.number(change.version);
            out.text(change.settings);
            out.number(static_cast<std::uint64_t>(change.transition_ms));
            out.time(change.wake_at);
            put(out, change.add_shards);
            out.varint(change.drop_shards.size());
            for (const std::uint64_t uid : change.drop_shards) out.number(uid);
            out.number(static_cast<std::uint8_t>(change.tags.has_value()));
            if (change.tags) detail::put(out, *change.tags);
        }
    }
    void operator()(const TagObject& command) const {
        start(Kind::tag_object);
        put(out, command.object);
        detail::put(out, command.add);
        out.varint(command.remove.size());
        for (const std::string& name : command.remove) out.text(name);
    }
    void operator()(const DeleteObject& command) const {
        start(Kind::delete_object);
        put(out, command.object);
        out.number(command.version);
        out.number(static_cast<std::uint64_t>(command.transition_ms));
    }
    void operator()(const PurgeObject& command) const {
        start(Kind::purge_object);
        put(out, command.object);
    }
    void operator()(const MoveProgress& command) const {
        start(Kind::move_progress);
        out.varint(command.owners.size());
        for (const MoveProgress::OwnerMoves& owner : command.owners) {
            out.number(owner.owner);
            out.number(owner.epoch);
            out.varint(owner.moves.size());
            for (const MoveProgress::Move& move : owner.moves) {
                out.text(move.key);
                out.optional_text(move.expected);
                out.optional_text(move.value);
            }
            put(out, owner.trims);
        }
    }
    void operator()(const ForgetShards& command) const {
        start(Kind::forget_shards);
        out.number(command.stream_uid);
        out.varint(command.shards.size());
        for (const std::uint64_t uid : command.shards) out.number(uid);
    }
    void operator()(const QueueProgress& command) const {
        start(Kind::queue_progress);
        out.text(command.arn);
        out.varint(command.steps.size());
        for (const QueueProgress::Step& step : command.steps) {
            out.number(static_cast<std::uint8_t>(step.action));
            out.number(step.shard_uid);
            out.number(step.seq);
        }
    }
    void operator()(const AddTags& command) const {
        start(Kind::add_tags);
        put(out, command.key);
        detail::put(out, command.tags);
    }
    void operator()(const RemoveTags& command) const {
        start(Kind::remove_tags);
        put(out, command.key);
        out.varint(command.names.size());
        for (const std::string& name : command.names) out.text(name);
    }
    void operator()(const PutCredential& command) const {
        start(Kind::put_credential);
        out.text(encode(command.credential));
        out.number(static_cast<std::uint8_t>(command.replace));
    }
    void operator()(const RemoveUser& command) const {
        start(Kind::remove_user);
        out.text(command.user);
    }
};

CreateStream get_create_stream(Decoder& in) {
    CreateStream command;
    command.key = get_key(in);
    command.arn = in.text();
    const auto mode = in.number<std::uint8_t>();
    if (mode > static_cast<std::uint8_t>(StreamMode::on_demand)) in.fail();
    command.mode = static_cast<StreamMode>(mode);
    command.shard_count = in.number<std::uint32_t>();
    command.max_record_size_kib = static_cast<std::int32_t>(in.number<std::uint32_t>());
    command.warm_throughput_mibps = static_cast<std::int32_t>(in.number<std::uint32_t>());
    const auto distribution = in.number<std::uint8_t>();
    if (distribution > static_cast<std::uint8_t>(Distribution::automatic)) in.fail();
    command.distribution = static_cast<Distribution>(distribution);
    command.tags = detail::get_tags(in);
    command.transition_ms = static_cast<std::int64_t>(in.number<std::uint64_t>());
    if (command.shard_count == 0 || command.shard_count > create_stream_shards_max) in.fail();
    return command;
}

SetRetention get_set_retention(Decoder& in) {
    SetRetention command;
    command.key = get_key(in);
    command.hours = static_cast<std::int32_t>(in.number<std::uint32_t>());
    const auto direction = in.number<std::uint8_t>();
    if (direction > 1) in.fail();
    command.direction = static_cast<SetRetention::Direction>(direction);
    command.floors = get_floors(in);
    return command;
}

ConfigureStream get_configure_stream(Decoder& in) {
    ConfigureStream command;
    command.key = get_key(in);
    command.transition_ms = static_cast<std::int64_t>(in.number<std::uint64_t>());
    command.mode = get_choice<StreamMode>(in);
    command.max_record_size_kib = get_optional_number(in);
    command.warm_throughput_mibps = get_optional_number(in);
    command.distribution = get_choice<Distribution>(in);
    command.metrics_on = in.number<std::uint8_t>();
    command.metrics_off = in.number<std::uint8_t>();
    command.key_id = in.optional_text();
    command.new_data_key = in.text();
    command.policy = in.optional_text();
    return command;
}

ConfigureConsumer get_configure_consumer(Decoder& in) {
    ConfigureConsumer command;
    command.key = get_key(in);
    command.name = in.text();
    command.policy = in.optional_text();
    command.add_tags = detail::get_tags(in);
    for (std::size_t left = in.count(); left > 0 && in.ok(); --left) command.remove_tags.emplace_back(in.text());
    return command;
}

QueueProgress get_queue_progress(Decoder& in) {
    QueueProgress command;
    command.arn = in.text();
    for (std::size_t left = in.count(); left > 0 && in.ok(); --left) {
        QueueProgress::Step& step = command.steps.emplace_back();
        const auto action = in.number<std::uint8_t>();
        if (action > static_cast<std::uint8_t>(QueueProgress::Action::skip)) in.fail();
        step.action = static_cast<QueueProgress::Action>(action);
        step.shard_uid = in.number<std::uint64_t>();
        step.seq = in.number<std::uint64_t>();
    }
    return command;
}

// Decodes version 1's command for a new or changed resource.
Expected<Command, DecodeError> get_put_resource(Decoder& in) {
    auto resource = detail::decode_legacy_resource(in.text());
    if (!resource) return fail(resource.error());
    const bool replace = in.number<std::uint8_t>() != 0;
    const auto count_max = in.number<std::uint32_t>();
    const auto transition_ms = static_cast<std::int64_t>(in.number<std::uint64_t>());
    if (replace) {
        ReplaceObjects::Replacement change;
        change.object.arn = std::move(resource->object.arn);
        change.settings = std::move(resource->object.settings);
        change.tags = std::move(resource->object.tags);
        change.transition_ms = transition_ms == 0 ? -1 : transition_ms;
        return ReplaceObjects{{std::move(change)}};
    }
    CreateObject command;
    for (const auto& [shard_uid, shard] : resource->queue_shards) {
        for (auto& [key, value] : rows_of(0, shard_uid, shard)) command.progress.emplace_back(key.key, *value);
    }
    command.object = std::move(resource->object);
    command.count_max = count_max;
    command.transition_ms = transition_ms;
    return command;
}

Expected<Command, DecodeError> get_create_object(Decoder& in) {
    CreateObject command;
    auto object = decode_object(in.text());
    if (!object) return fail(object.error());
    command.object = *std::move(object);
    command.shards = get_shard_classes(in);
    for (std::size_t left = in.count(); left > 0 && in.ok(); --left) {
        auto& [key, value] = command.progress.emplace_back();
        key = in.text();
        value = in.text();
    }
    command.count_max = in.number<std::uint32_t>();
    command.transition_ms = static_cast<std::int64_t>(in.number<std::uint64_t>());
    return command;
}

ReplaceObjects get_replace_objects(Decoder& in) {
    ReplaceObjects command;
    for (std::size_t left = in.count(); left > 0 && in.ok(); --left) {
        ReplaceObjects::Replacement& change = command.replacements.emplace_back();
        change.object = get_object_ref(in);
        change.version = in.number<std::uint64_t>();
        change.settings = in.text();
        change.transition_ms = static_cast<std::int64_t>(in.number<std::uint64_t>());
        change.wake_at = in.time();
        change.add_shards = get_shard_classes(in);
        change.drop_shards = get_uids(in);
        const auto has_tags = in.number<std::uint8_t>();
        if (has_tags > 1) in.fail();
        if (has_tags == 1) change.tags = detail::get_tags(in);
    }
    return command;
}

MoveProgress get_move_progress(Decoder& in) {
    MoveProgress command;
    for (std::size_t left = in.count(); left > 0 && in.ok(); --left) {
        MoveProgress::OwnerMoves& owner = command.owners.emplace_back();
        owner.owner = in.number<std::uint64_t>();
        owner.epoch = in.number<std::uint64_t>();
        for (std::size_t more = in.count(); more > 0 && in.ok(); --more) {
            MoveProgress::Move& move = owner.moves.emplace_back();
            move.key = in.text();
            move.expected = in.optional_text();
            move.value = in.optional_text();
        }
        owner.trims = get_floors(in);
    }
    return command;
}

Expected<Command, DecodeError> get_command(Kind kind, Decoder& in) {
    switch (kind) {
        case Kind::create_stream:
            return get_create_stream(in);
        case Kind::delete_stream: {
            DeleteStream command{get_key(in), 0};
            command.transition_ms = static_cast<std::int64_t>(in.number<std::uint64_t>());
            command.with_consumers = in.number<std::uint8_t>() != 0;
            return command;
        }
        case Kind::purge_stream:
            return PurgeStream{in.number<std::uint64_t>()};
        case Kind::set_retention:
            return get_set_retention(in);
        case Kind::add_tags: {
            AddTags command{get_key(in), {}};
            command.tags = detail::get_tags(in);
            return command;
        }
        case Kind::remove_tags: {
            RemoveTags command{get_key(in), {}};
            for (std::size_t left = in.count(); left > 0 && in.ok(); --left) command.names.emplace_back(in.text());
            return command;
        }
        case Kind::put_credential: {
            auto credential = decode_credential(in.text());
            if (!credential) return fail(credential.error());
            return PutCredential{*std::move(credential), in.number<std::uint8_t>() != 0};
        }
        case Kind::remove_user:
            return RemoveUser{std::string(in.text())};
        case Kind::reshard: {
            Reshard command{get_key(in), {}, 0, false};
            const auto plan = decode_reshard(in.text());
            if (!plan) return fail(plan.error());
            command.plan = *plan;
            command.transition_ms = static_cast<std::int64_t>(in.number<std::uint64_t>());
            command.by_service = in.number<std::uint8_t>() != 0;
            return command;
        }
        case Kind::continue_reshard:
            return ContinueReshard{in.number<std::uint64_t>()};
        case Kind::register_consumer: {
            RegisterConsumer command{get_key(in), std::string(in.text()), {}, 0, 0};
            command.tags = detail::get_tags(in);
            command.consumers_max = in.number<std::uint32_t>();
            command.transition_ms = static_cast<std::int64_t>(in.number<std::uint64_t>());
            return command;
        }
        case Kind::deregister_consumer: {
            DeregisterConsumer command{get_key(in), std::string(in.text()), 0};
            command.transition_ms = static_cast<std::int64_t>(in.number<std::uint64_t>());
            return command;
        }
        case Kind::configure_stream:
            return get_configure_stream(in);
        case Kind::configure_consumer:
            return get_configure_consumer(in);
        case Kind::put_resource:
            return get_put_resource(in);
        case Kind::delete_resource: {
            DeleteObject command{{0, std::string(in.text())}, 0, 0};
            command.transition_ms = static_cast<std::int64_t>(in.number<std::uint64_t>());
            return command;
        }
        case Kind::purge_resource:
            return PurgeObject{{0, std::string(in.text())}};
        case Kind::create_object:
            return get_create_object(in);
        case Kind::replace_objects:
            return get_replace_objects(in);
        case Kind::tag_object: {
            TagObject command{get_object_ref(in), {}, {}};
            command.add = detail::get_tags(in);
            for (std::size_t left = in.count(); left > 0 && in.ok(); --left) command.remove.emplace_back(in.text());
            return command;
        }
        case Kind::delete_object: {
            DeleteObject command{get_object_ref(in), 0, 0};
            command.version = in.number<std::uint64_t>();
            command.transition_ms = static_cast<std::int64_t>(in.number<std::uint64_t>());
            return command;
        }
        case Kind::purge_object:
            return PurgeObject{get_object_ref(in)};
        case Kind::move_progress:
            return get_move_progress(in);
        case Kind::forget_shards: {
            ForgetShards command{in.number<std::uint64_t>(), {}};
            command.shards = get_uids(in);
            return command;
        }
        case Kind::queue_progress:
            return get_queue_progress(in);
    }
    return fail(DecodeError{"a command of an unknown kind: written by a newer version"});
}

}  // namespace

std::string encode(const Command& command) {
    Encoder out;
    std::visit(Write{out}, command);
    return out.take();
}

Expected<Command, DecodeError> decode_command(std::string_view bytes) {
    Decoder in(bytes);
    const auto kind = static_cast<Kind>(in.number<std::uint8_t>());
    if (in.number<std::uint8_t>() != command_format) return fail(DecodeError{"a command of an unknown format"});
    auto command = get_command(kind, in);
    if (command && (!in.ok() || in.left() != 0)) return fail(DecodeError{"a command that is cut short or too long"});
    return command;
}

std::string encode(const Verdict& verdict) {
    Encoder out;
    out.number(static_cast<std::uint8_t>(verdict.code));
    out.number(static_cast<std::uint8_t>(verdict.status));
    out.number(static_cast<std::uint64_t>(verdict.number));
    out.varint(verdict.refused.size());
    for (const std::uint32_t owner : verdict.refused) out.number(owner);
    return out.take();
}

Verdict decode_verdict(std::string_view bytes) {
    Decoder in(bytes);
    Verdict verdict;
    verdict.code = static_cast<Verdict::Code>(in.number<std::uint8_t>());
    verdict.status = static_cast<StreamStatus>(in.number<std::uint8_t>());
    verdict.number = static_cast<std::int64_t>(in.number<std::uint64_t>());
    for (std::size_t left = in.count(); left > 0 && in.ok(); --left) {
        verdict.refused.push_back(in.number<std::uint32_t>());
    }
    RIACHO_CHECK(in.ok() && in.left() == 0, "a verdict is only ever decoded from what encode made");
    return verdict;
}

}  // namespace riacho::catalog
