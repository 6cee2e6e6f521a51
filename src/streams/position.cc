#include "streams/position.h"

#include "aws/gen/kinesis/errors.gen.h"
#include "base/check.h"
#include "base/try.h"
#include "core/task.h"
#include "log/record_log.h"
#include "streams/shards.h"

namespace riacho::streams {

namespace errors = api::errors;
using Type = api::ShardIteratorType;

namespace {

bool is_by_sequence(Type type) { return type == Type::at_sequence_number || type == Type::after_sequence_number; }

// The position of a StartingSequenceNumber in this shard.
Result<SequenceNumber> starting_number(const catalog::StreamState& stream, const catalog::ShardState& shard,
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
    return *number;
}

// Checks the combination of type and position. AWS: the texts of spec 3.4.
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

// AWS: a sequence number is a position by its value, whether a record has it or not; between two numbers with the same
// seq_ix the time decides (spec 4.4, 4.6). A quiet subscription's continuation number differs from a record's number
// only in the time.
Task<Result<std::uint64_t>> locate_number(StreamsOp op, ShardRef found, SequenceNumber number, Type type) {
    // AWS: the EndingSequenceNumber of a closed shard is refused as a position; Spring depends on this exact text (spec
    // 4.6).
    if (number.seq_ix == closed_seq_ix) co_return fail(errors::sequence_at_shard_end(name_of(type)));
    constexpr log::ReadLimits one_record{1, 1};
    const auto read = co_await op.log().read(op.core(), log::ShardUid(found.shard->uid), log::SeqIx(number.seq_ix),
                                             one_record, retention_horizon(*found.stream, op.service().clock));
    if (!read) co_return fail(read_error(read.error(), found));
    const bool has_record = !read->slices.empty() && read->slices.front().first.value() == number.seq_ix;
    const std::int64_t record_time_s =
        has_record ? read->slices.front().frame->arrival().value() / 1000 : number.time_s;
    if (record_time_s > number.time_s) co_return number.seq_ix;
    const bool behind = type == Type::after_sequence_number || record_time_s < number.time_s;
    co_return number.seq_ix + (behind ? 1 : 0);
}

// The first SeqIx to read, after the combination was checked.
Task<Result<std::uint64_t>> locate(StreamsOp op, ShardRef found, StartingPoint start,
                                   std::optional<SequenceNumber> number) {
    const catalog::StreamState& stream = *found.stream;
    const catalog::ShardState& shard = *found.shard;
    const log::ShardUid uid(shard.uid);
    switch (start.type) {
        case Type::at_sequence_number:
        case Type::after_sequence_number:
            co_return co_await locate_number(op, found, *number, start.type);
        case Type::trim_horizon:
            co_return std::uint64_t{0};
        case Type::latest: {
            const auto state = co_await op.log().state(op.core(), uid);
            if (!state)
                co_return fail(errors::shard_does_not_exist(shard_id(shard.index), stream.name, stream.account));
            co_return state->next.value();
        }
        case Type::at_timestamp: {
            const auto seq = co_await op.log().find_by_time(op.core(), uid, *start.timestamp);
            if (!seq) co_return fail(read_error(seq.error(), found));
            co_return seq->value();
        }
    }
    RIACHO_CHECK(false, "an unknown ShardIteratorType");
}

}  // namespace

Result<std::optional<SequenceNumber>> check_position(StreamsOp op, const ShardRef& found, const StartingPoint& start) {
    // AWS: the combination is checked before the number itself (spec 3.4).
    TRY_VOID(check_combination(start, op.now()));
    std::optional<SequenceNumber> number;
    if (start.sequence_number) {
        TRY(number, starting_number(*found.stream, *found.shard, *start.sequence_number));
    }
    return number;
}

Task<Result<std::uint64_t>> find_position(StreamsOp op, ShardRef found, StartingPoint start) {
    CO_TRY(const std::optional<SequenceNumber> number, check_position(op, found, start));
    co_return co_await locate(op, std::move(found), start, number);
}

}  // namespace riacho::streams
