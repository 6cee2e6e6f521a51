#include "catalog/model.h"

#include <algorithm>

#include "base/check.h"
#include "base/codec.h"
#include "catalog/detail/tags_codec.h"

namespace riacho::catalog {
namespace {

constexpr std::uint8_t stream_format = 1;
constexpr std::uint8_t credential_format = 1;
constexpr std::uint8_t object_format = 1;
constexpr std::uint8_t ended_names_format = 1;

void put(Encoder& out, U128 value) {
    out.number(static_cast<std::uint64_t>(value));
    out.number(static_cast<std::uint64_t>(value >> 64));
}

U128 get_u128(Decoder& in) {
    const auto low = in.number<std::uint64_t>();
    return static_cast<U128>(in.number<std::uint64_t>()) << 64 | low;
}

void put(Encoder& out, const std::optional<std::int32_t>& index) {
    out.number(static_cast<std::uint32_t>(index.value_or(-1)));
}

std::optional<std::int32_t> get_index(Decoder& in) {
    const auto index = static_cast<std::int32_t>(in.number<std::uint32_t>());
    if (index < -1) in.fail();  // -1 is the only encoding of an absent index
    if (index < 0) return std::nullopt;
    return index;
}

void put(Encoder& out, const ShardState& shard) {
    out.number(static_cast<std::uint32_t>(shard.index));
    out.number(shard.uid);
    put(out, shard.starting_hash_key);
    put(out, shard.ending_hash_key);
    put(out, shard.parent);
    put(out, shard.adjacent_parent);
    out.number(static_cast<std::uint64_t>(shard.created_s));
    out.time(shard.opened_at);
    out.time(shard.closed_at.value_or(TimestampMs(-1)));
}

ShardState get_shard(Decoder& in) {
    ShardState shard;
    shard.index = static_cast<std::int32_t>(in.number<std::uint32_t>());
    shard.uid = in.number<std::uint64_t>();
    shard.starting_hash_key = get_u128(in);
    shard.ending_hash_key = get_u128(in);
    shard.parent = get_index(in);
    shard.adjacent_parent = get_index(in);
    shard.created_s = static_cast<std::int64_t>(in.number<std::uint64_t>());
    shard.opened_at = in.time();
    const TimestampMs closed_at = in.time();
    if (closed_at.value() < -1) in.fail();
    if (closed_at.value() >= 0) shard.closed_at = closed_at;
    return shard;
}

void put(Encoder& out, const ConsumerState& consumer) {
    out.text(consumer.name);
    out.text(consumer.arn);
    out.time(consumer.created_at);
    out.time(consumer.active_at);
    out.time(consumer.deleted_at.value_or(TimestampMs(-1)));
    detail::put(out, consumer.tags);
    out.text(consumer.policy);
}

ConsumerState get_consumer(Decoder& in) {
    ConsumerState consumer;
    consumer.name = in.text();
    consumer.arn = in.text();
    consumer.created_at = in.time();
    consumer.active_at = in.time();
    const TimestampMs deleted_at = in.time();
    if (deleted_at.value() >= 0) consumer.deleted_at = deleted_at;
    consumer.tags = detail::get_tags(in);
    consumer.policy = in.text();
    return consumer;
}

void put(Encoder& out, const PendingReshard& reshard) {
    out.number(static_cast<std::uint8_t>(reshard.kind));
    out.number(static_cast<std::uint32_t>(reshard.shard));
    out.number(static_cast<std::uint32_t>(reshard.adjacent_shard));
    put(out, reshard.new_starting_hash_key);
    out.number(reshard.target_shard_count);
}

PendingReshard get_reshard(Decoder& in) {
    PendingReshard reshard;
    const auto kind = in.number<std::uint8_t>();
    if (kind > static_cast<std::uint8_t>(PendingReshard::Kind::uniform)) in.fail();
    reshard.kind = static_cast<PendingReshard::Kind>(kind);
    reshard.shard = static_cast<std::int32_t>(in.number<std::uint32_t>());
    reshard.adjacent_shard = static_cast<std::int32_t>(in.number<std::uint32_t>());
    reshard.new_starting_hash_key = get_u128(in);
    reshard.target_shard_count = in.number<std::uint32_t>();
    return reshard;
}

// Checks the preconditions of shard_for: indexes ascend, and the open shards cover the hash-key space without gap or
// overlap.
bool is_sound(const StreamState& stream) {
    std::vector<const ShardState*> open;
    for (std::size_t i = 0; i < stream.shards.size(); ++i) {
        if (i > 0 && stream.shards[i].index <= stream.shards[i - 1].index) return false;
        if (!stream.shards[i].closed_at) open.push_back(&stream.shards[i]);
    }
    // A stream that was deleted while CREATING never had open shards.
    if (open.empty()) return stream.transition == StreamStatus::deleting;
    std::ranges::sort(open, {}, &ShardState::starting_hash_key);
    U128 next = 0;
    for (std::size_t i = 0; i < open.size(); ++i) {
        if (open[i]->starting_hash_key != next || open[i]->ending_hash_key < next) return false;
        next = open[i]->ending_hash_key + 1;
        if (next == 0 && i + 1 != open.size()) return false;
    }
    return next == 0;
}

}  // namespace

const ShardState& StreamState::shard_for(U128 hash_key) const {
    const auto after = std::ranges::upper_bound(open_by_hash_, hash_key, {},
                                                [&](std::uint32_t i) { return shards[i].starting_hash_key; });
    RIACHO_CHECK(after != open_by_hash_.begin(), "the open shards cover the space from 0 on");
    return shards[*std::prev(after)];
}

const ShardState* StreamState::find_shard(std::int32_t index) const {
    const auto found = std::ranges::lower_bound(shards, index, {}, &ShardState::index);
    return found != shards.end() && found->index == index ? &*found : nullptr;
}

std::int32_t StreamState::open_shard_count() const { return static_cast<std::int32_t>(open_by_hash_.size()); }

const ConsumerState* StreamState::find_consumer(std::string_view consumer, TimestampMs now) const {
    const auto found = consumers.find(consumer);
    return found == consumers.end() || found->second.is_gone(now) ? nullptr : &found->second;
}

std::int32_t StreamState::consumer_count(TimestampMs now) const {
    return static_cast<std::int32_t>(
        std::ranges::count_if(consumers, [&](const auto& entry) { return !entry.second.is_gone(now); }));
}

void LastSeconds::raise(const LastSeconds& other) {
    created_s = std::max(created_s, other.created_s);
    shard_s = std::max(shard_s, other.shard_s);
}

void LastSeconds::raise(const StreamState& stream) {
    created_s = std::max(created_s, stream.created_at.value() / 1000);
    for (const auto& [name, consumer] : stream.consumers) {
        created_s = std::max(created_s, consumer.created_at.value() / 1000);
    }
    for (const ShardState& shard : stream.shards) shard_s = std::max(shard_s, shard.created_s);
}

void StreamState::index_shards() {
    open_by_hash_.clear();
    for (std::uint32_t i = 0; i < shards.size(); ++i) {
        if (!shards[i].closed_at) open_by_hash_.push_back(i);
    }
    std::ranges::sort(open_by_hash_, {}, [&](std::uint32_t i) { return shards[i].starting_hash_key; });
}

std::string encode(const StreamState& stream) {
    Encoder out;
    out.number(stream_format);
    out.number(stream.uid);
    out.text(stream.account);
    out.text(stream.region);
    out.text(stream.name);
    out.text(stream.arn);
    out.number(static_cast<std::uint8_t>(stream.mode));
    out.time(stream.created_at);
    out.number(static_cast<std::uint8_t>(stream.transition));
    out.time(stream.transition_until);
    out.number(static_cast<std::uint32_t>(stream.retention_hours));
    out.number(static_cast<std::uint32_t>(stream.max_record_size_kib));
    out.number(static_cast<std::uint32_t>(stream.warm_throughput_mibps));
    out.number(static_cast<std::uint8_t>(stream.distribution));
    out.number(stream.shard_metrics);
    out.text(stream.key_id);
    out.varint(stream.data_keys.size());
    for (const std::string& key : stream.data_keys) out.text(key);
    out.text(stream.policy);
    detail::put(out, stream.tags);
    out.varint(stream.shards.size());
    for (const ShardState& shard : stream.shards) put(out, shard);
    out.number(static_cast<std::uint8_t>(stream.reshard.has_value()));
    if (stream.reshard) put(out, *stream.reshard);
    out.varint(stream.consumers.size());
    for (const auto& [name, consumer] : stream.consumers) put(out, consumer);
    return out.take();
}

Expected<StreamState, DecodeError> decode_stream(std::string_view bytes) {
    Decoder in(bytes);
    if (in.number<std::uint8_t>() != stream_format) return fail(DecodeError{"a stream of an unknown format"});
    StreamState stream;
    stream.uid = in.number<std::uint64_t>();
    stream.account = in.text();
    stream.region = in.text();
    stream.name = in.text();
    stream.arn = in.text();
    const auto mode = in.number<std::uint8_t>();
    stream.created_at = in.time();
    const auto transition = in.number<std::uint8_t>();
    stream.transition_until = in.time();
    stream.retention_hours = static_cast<std::int32_t>(in.number<std::uint32_t>());
    stream.max_record_size_kib = static_cast<std::int32_t>(in.number<std::uint32_t>());
    stream.warm_throughput_mibps = static_cast<std::int32_t>(in.number<std::uint32_t>());
    const auto distribution = in.number<std::uint8_t>();
    if (distribution > static_cast<std::uint8_t>(Distribution::automatic)) in.fail();
    stream.distribution = static_cast<Distribution>(distribution);
    stream.shard_metrics = in.number<std::uint8_t>();
    stream.key_id = in.text();
    for (std::size_t left = in.count(); left > 0 && in.ok(); --left) stream.data_keys.emplace_back(in.text());
    if (!stream.key_id.empty() && stream.data_keys.empty()) in.fail();
    stream.policy = in.text();
    stream.tags = detail::get_tags(in);
    for (std::size_t left = in.count(); left > 0 && in.ok(); --left) stream.shards.push_back(get_shard(in));
    const auto pending = in.number<std::uint8_t>();
    if (pending > 1) in.fail();
    if (pending == 1) stream.reshard = get_reshard(in);
    for (std::size_t left = in.count(); left > 0 && in.ok(); --left) {
        ConsumerState consumer = get_consumer(in);
        std::string name = consumer.name;
        stream.consumers.insert_or_assign(std::move(name), std::move(consumer));
    }
    if (!in.ok() || in.left() != 0) return fail(DecodeError{"a stream that is cut short or too long"});
    if (mode > static_cast<std::uint8_t>(StreamMode::on_demand) ||
        transition > static_cast<std::uint8_t>(StreamStatus::deleting)) {
        return fail(DecodeError{"a stream with an unknown mode or status"});
    }
    stream.mode = static_cast<StreamMode>(mode);
    stream.transition = static_cast<StreamStatus>(transition);
    if (!is_sound(stream)) return fail(DecodeError{"a stream whose open shards do not cover the hash keys"});
    stream.index_shards();
    return stream;
}

std::string encode(const EndedNames& names) {
    Encoder out;
    out.number(ended_names_format);
    out.varint(names.size());
    names.for_each([&](const std::string& name, const LastSeconds& last) {
        out.text(name);
        out.number(static_cast<std::uint64_t>(last.created_s));
        out.number(static_cast<std::uint64_t>(last.shard_s));
        return true;
    });
    return out.take();
}

Expected<EndedNames, DecodeError> decode_ended_names(std::string_view bytes) {
    Decoder in(bytes);
    if (in.number<std::uint8_t>() != ended_names_format) return fail(DecodeError{"ended names of an unknown format"});
    EndedNames names;
    for (std::size_t left = in.count(); left > 0 && in.ok(); --left) {
        std::string name(in.text());
        LastSeconds last;
        last.created_s = static_cast<std::int64_t>(in.number<std::uint64_t>());
        last.shard_s = static_cast<std::int64_t>(in.number<std::uint64_t>());
        names = names.with(std::move(name), last);
    }
    if (!in.ok() || in.left() != 0) return fail(DecodeError{"ended names that are cut short or too long"});
    return names;
}

std::string encode(const PendingReshard& reshard) {
    Encoder out;
    put(out, reshard);
    return out.take();
}

Expected<PendingReshard, DecodeError> decode_reshard(std::string_view bytes) {
    Decoder in(bytes);
    const PendingReshard reshard = get_reshard(in);
    if (!in.ok() || in.left() != 0) return fail(DecodeError{"a reshard that is cut short or too long"});
    return reshard;
}

std::string encode(const ObjectState& object) {
    Encoder out;
    out.number(object_format);
    out.number(static_cast<std::uint8_t>(object.kind));
    out.number(object.uid);
    out.text(object.account);
    out.text(object.region);
    out.text(object.name);
    out.text(object.arn);
    out.number(object.version);
    out.number(object.stream_uid);
    out.time(object.created_at);
    out.number(static_cast<std::uint8_t>(object.transition));
    out.time(object.transition_until);
    out.time(object.wake_at);
    out.text(object.settings);
    detail::put(out, object.tags);
    out.varint(object.shards.size());
    for (const OwnedShard& shard : object.shards) {
        out.number(shard.uid);
        out.number(static_cast<std::uint8_t>(shard.shard_class));
    }
    return out.take();
}

Expected<ObjectState, DecodeError> decode_object(std::string_view bytes) {
    Decoder in(bytes);
    if (in.number<std::uint8_t>() != object_format) return fail(DecodeError{"an object of an unknown format"});
    ObjectState object;
    const auto kind = in.number<std::uint8_t>();
    if (kind > static_cast<std::uint8_t>(ObjectState::Kind::signaling_channel)) in.fail();
    object.kind = static_cast<ObjectState::Kind>(kind);
    object.uid = in.number<std::uint64_t>();
    object.account = in.text();
    object.region = in.text();
    object.name = in.text();
    object.arn = in.text();
    object.version = in.number<std::uint64_t>();
    object.stream_uid = in.number<std::uint64_t>();
    object.created_at = in.time();
    const auto transition = in.number<std::uint8_t>();
    if (transition > static_cast<std::uint8_t>(StreamStatus::deleting)) in.fail();
    object.transition = static_cast<StreamStatus>(transition);
    object.transition_until = in.time();
    object.wake_at = in.time();
    object.settings = in.text();
    object.tags = detail::get_tags(in);
    for (std::size_t left = in.count(); left > 0 && in.ok(); --left) {
        OwnedShard& shard = object.shards.emplace_back();
        shard.uid = in.number<std::uint64_t>();
        shard.shard_class = detail::get_shard_class(in);
    }
    if (!in.ok() || in.left() != 0) return fail(DecodeError{"an object that is cut short or too long"});
    return object;
}

std::string encode(const CredentialState& credential) {
    Encoder out;
    out.number(credential_format);
    out.text(credential.access_key);
    out.text(credential.account);
    out.text(credential.user);
    out.text(credential.sealed_secret);
    out.time(credential.created_at);
    return out.take();
}

Expected<CredentialState, DecodeError> decode_credential(std::string_view bytes) {
    Decoder in(bytes);
    if (in.number<std::uint8_t>() != credential_format) return fail(DecodeError{"a credential of an unknown format"});
    CredentialState credential;
    credential.access_key = in.text();
    credential.account = in.text();
    credential.user = in.text();
    credential.sealed_secret = in.text();
    credential.created_at = in.time();
    if (!in.ok() || in.left() != 0) return fail(DecodeError{"a credential that is cut short or too long"});
    return credential;
}

}  // namespace riacho::catalog
