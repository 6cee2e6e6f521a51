#include "analytics/app/turn.h"

#include "base/codec.h"

namespace riacho::analytics {
namespace {

constexpr std::uint8_t turn_format = 1;
constexpr std::uint8_t state_format = 1;
constexpr std::uint8_t checkpoint_format = 1;

}  // namespace

std::string encode(const Turn& turn) {
    Encoder out;
    out.number(turn_format);
    out.number(turn.run);
    out.number(turn.number);
    out.time(turn.rowtime);
    out.varint(turn.ranges.size());
    for (const TurnRange& range : turn.ranges) {
        out.number(range.shard_uid);
        out.varint(static_cast<std::uint32_t>(range.shard_index));
        out.varint(static_cast<std::uint64_t>(range.created_s));
        out.varint(range.first);
        out.varint(range.next - range.first);
    }
    return out.take();
}

std::optional<Turn> decode_turn(std::string_view bytes) {
    Decoder in(bytes);
    if (in.number<std::uint8_t>() != turn_format) return std::nullopt;
    Turn turn;
    turn.run = in.number<std::uint64_t>();
    turn.number = in.number<std::uint64_t>();
    turn.rowtime = in.time();
    for (std::size_t left = in.count(); left > 0 && in.ok(); --left) {
        TurnRange& range = turn.ranges.emplace_back();
        range.shard_uid = in.number<std::uint64_t>();
        range.shard_index = static_cast<std::int32_t>(in.varint());
        range.created_s = static_cast<std::int64_t>(in.varint());
        range.first = in.varint();
        range.next = range.first + in.varint();
        if (range.next < range.first || range.shard_index < 0) in.fail();
    }
    if (!in.ok() || in.left() != 0) return std::nullopt;
    return turn;
}

std::string encode(const Checkpoint& checkpoint) {
    Encoder out;
    out.number(checkpoint_format);
    out.number(checkpoint.run);
    out.number(checkpoint.turn);
    out.time(checkpoint.rowtime);
    out.number(checkpoint.turns_next);
    out.number(checkpoint.state_first);
    out.number(checkpoint.state_next);
    out.number(checkpoint.chunk_first);
    out.number(checkpoint.chunk_last);
    out.number(checkpoint.seed);
    out.time(checkpoint.started_at);
    return out.take();
}

std::optional<Checkpoint> decode_checkpoint(std::string_view bytes) {
    Decoder in(bytes);
    if (in.number<std::uint8_t>() != checkpoint_format) return std::nullopt;
    Checkpoint checkpoint;
    checkpoint.run = in.number<std::uint64_t>();
    checkpoint.turn = in.number<std::uint64_t>();
    checkpoint.rowtime = in.time();
    checkpoint.turns_next = in.number<std::uint64_t>();
    checkpoint.state_first = in.number<std::uint64_t>();
    checkpoint.state_next = in.number<std::uint64_t>();
    checkpoint.chunk_first = in.number<std::uint64_t>();
    checkpoint.chunk_last = in.number<std::uint64_t>();
    checkpoint.seed = in.number<std::uint64_t>();
    checkpoint.started_at = in.time();
    if (!in.ok() || in.left() != 0) return std::nullopt;
    return checkpoint;
}

std::string encode_chunk(std::uint64_t run, std::uint64_t number, std::string_view bytes) {
    Encoder out;
    out.number(state_format);
    out.number(static_cast<std::uint8_t>(StateRecord::Kind::chunk));
    out.number(run);
    out.number(number);
    out.text(bytes);
    return out.take();
}

std::string encode_positions(std::uint64_t run, std::uint64_t turn, const Positions& positions) {
    Encoder out;
    out.number(state_format);
    out.number(static_cast<std::uint8_t>(StateRecord::Kind::positions));
    out.number(run);
    out.number(turn);
    out.number(positions.source_uid);
    out.varint(positions.shards.size());
    for (const ShardPosition& shard : positions.shards) {
        out.number(shard.shard_uid);
        out.varint(static_cast<std::uint32_t>(shard.shard_index));
        out.varint(shard.next);
        out.number(static_cast<std::uint8_t>(shard.has_ended));
    }
    return out.take();
}

std::optional<StateRecord> decode_state_record(std::string_view bytes) {
    Decoder in(bytes);
    if (in.number<std::uint8_t>() != state_format) return std::nullopt;
    StateRecord record;
    const auto kind = in.number<std::uint8_t>();
    if (kind > static_cast<std::uint8_t>(StateRecord::Kind::positions)) return std::nullopt;
    record.kind = static_cast<StateRecord::Kind>(kind);
    record.run = in.number<std::uint64_t>();
    record.number = in.number<std::uint64_t>();
    if (record.kind == StateRecord::Kind::chunk) {
        record.bytes = in.text();
    } else {
        Positions& positions = record.positions.emplace();
        positions.source_uid = in.number<std::uint64_t>();
        for (std::size_t left = in.count(); left > 0 && in.ok(); --left) {
            ShardPosition& shard = positions.shards.emplace_back();
            shard.shard_uid = in.number<std::uint64_t>();
            shard.shard_index = static_cast<std::int32_t>(in.varint());
            shard.next = in.varint();
            shard.has_ended = in.number<std::uint8_t>() != 0;
        }
    }
    if (!in.ok() || in.left() != 0) return std::nullopt;
    return record;
}

}  // namespace riacho::analytics
