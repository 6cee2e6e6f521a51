#include "streams/position.h"

#include "aws/gen/kinesis/errors.gen.h"
#include "base/sequence_number.h"
#include "base/try.h"
#include "core/task.h"
#include "log/log.h"
#include "streams/shards.h"

namespace riacho::streams {

namespace errors = api::errors;
using Type = api::ShardIteratorType;

namespace {

bool is_by_sequence(Type type) { return type == Type::at_sequence_number || type == Type::after_sequence_number; }

// The place a StartingSequenceNumber names in this shard.
Result<std::uint64_t> starting_seq(const catalog::StreamState& stream, const catalog::ShardState& shard,
                                   std::string_view text) {
    const std::string id = shard_id(shard.index);
    const auto number = parse_sequence_number(text);
    if (!number || number->version == 0) {
        return fail(errors::invalid_starting_sequence(text, id, stream.name, stream.account));
    }
    if (number->shard_index != shard.index) {
        return fail(errors::sequence_of_another_shard(shard_id(number->shard_index), id));
    }
    if (number->created_s != shard.created_s) {
        return fail(errors::sequence_of_another_stream(text, id, stream.name, stream.account));
    }
    return number->seq_ix;
}

// Which combination of type and position the request may hold. AWS: the texts of spec 3.4.
Result<void> check_combination(const StartingPoint& start, TimestampMs now) {
    const std::string_view type = name_of(start.type);
    if (is_by_sequence(start.type)) {
        if (!start.sequence_number) return fail(errors::iterator_needs_sequence(type));
        return {};
    }
    if (start.type != Type::at_timestamp) {
        if (start.sequence_number) return fail(errors::iterator_takes_no_sequence(type));
        return {};
    }
    if (!start.timestamp) return fail(errors::iterator_needs_timestamp());
    if (*start.timestamp > now) {
        return fail(errors::timestamp_in_future(start.timestamp->value(), now.value()));
    }
    return {};
}

// The first SeqIx to read, once the combination is known to be legal.
Task<Result<std::uint64_t>> locate(StreamsOp op, ShardRef found, StartingPoint start, std::uint64_t next_seq) {
    const catalog::StreamState& stream = *found.stream;
    const catalog::ShardState& shard = *found.shard;
    const log::ShardUid uid(shard.uid);
    switch (start.type) {
        case Type::at_sequence_number:
        case Type::after_sequence_number:
            // AWS: the end of a closed shard is no place to go on from; Spring looks for this very text (spec 4.6).
            if (next_seq == closed_seq_ix) {
                co_return fail(errors::sequence_at_shard_end(name_of(start.type)));
            }
            if (start.type == Type::after_sequence_number) ++next_seq;
            break;
        case Type::trim_horizon:
            next_seq = 0;
            break;
        case Type::latest: {
            const auto state = op.log().find(uid);
            if (!state)
                co_return fail(errors::shard_does_not_exist(shard_id(shard.index), stream.name, stream.account));
            next_seq = state->next.value();
            break;
        }
        case Type::at_timestamp: {
            const auto seq = co_await op.log().find_by_time(op.core(), uid, *start.timestamp);
            if (!seq) co_return fail(read_error(seq.error(), found));
            next_seq = seq->value();
            break;
        }
    }
    co_return next_seq;
}

}  // namespace

Result<std::uint64_t> check_position(StreamsOp op, const ShardRef& found, const StartingPoint& start) {
    std::uint64_t next_seq = 0;
    if (start.sequence_number) {
        TRY(next_seq, starting_seq(*found.stream, *found.shard, *start.sequence_number));
    }
    TRY_VOID(check_combination(start, op.now()));
    return next_seq;
}

Task<Result<std::uint64_t>> find_position(StreamsOp op, ShardRef found, StartingPoint start) {
    CO_TRY(const std::uint64_t given, check_position(op, found, start));
    co_return co_await locate(op, std::move(found), start, given);
}

}  // namespace riacho::streams
