#include "aws/gen/kinesis/errors.gen.h"
#include "aws/gen/kinesis/types_decrease_stream_retention_period.gen.h"
#include "aws/gen/kinesis/types_increase_stream_retention_period.gen.h"
#include "base/try.h"
#include "core/task.h"
#include "log/record_log.h"
#include "streams/ops/ops.h"
#include "streams/shards.h"

namespace riacho::streams {

namespace errors = api::errors;
using Direction = catalog::SetRetention::Direction;

namespace {

constexpr std::int32_t hours_min = 24;
constexpr std::int32_t hours_max = 8760;

// The present horizon of each shard, to which an increase first raises the shard's floor, so that invisible records
// stay invisible.
Task<std::vector<catalog::SetRetention::Floor>> floors_of(StreamsOp op, StreamRef stream) {
    std::vector<catalog::SetRetention::Floor> floors;
    const TimestampMs horizon = retention_horizon(*stream, op.service().clock);
    for (const catalog::ShardState& shard : stream->shards) {
        const auto seq = co_await op.log().find_by_time(op.core(), log::ShardUid(shard.uid), horizon);
        if (seq) floors.push_back({shard.uid, seq->value()});
    }
    co_return floors;
}

Task<Result<void>> set_retention(StreamsOp op, StreamRef stream, std::int32_t hours, Direction direction) {
    // AWS: the stream is looked up first, then the bounds are checked, then the direction [prod, spec 2.3].
    if (hours < hours_min) co_return fail(errors::retention_too_short(hours_min, hours));
    if (hours > hours_max) co_return fail(errors::retention_too_long(hours_max, hours));
    catalog::SetRetention command;
    command.key = {stream->account, stream->region, stream->name};
    command.hours = hours;
    command.direction = direction;
    if (hours > stream->retention_hours) command.floors = co_await floors_of(op, stream);
    CO_TRY(const catalog::Verdict verdict, co_await op.submit(std::move(command)));
    switch (verdict.code) {
        case catalog::Verdict::Code::stream_missing:
            co_return fail(errors::stream_not_found(stream->name, stream->account));
        case catalog::Verdict::Code::retention_too_short:
            co_return fail(errors::retention_below_current(hours, stream->name, verdict.number));
        case catalog::Verdict::Code::retention_too_long:
            co_return fail(errors::retention_above_current(hours, stream->name, verdict.number));
        default:
            break;
    }
    co_return Result<void>();
}

}  // namespace

Task<Result<api::IncreaseStreamRetentionPeriodOutput>> increase_stream_retention_period(
    StreamsOp op, api::IncreaseStreamRetentionPeriodInput request) {
    CO_TRY(const StreamRef stream, op.resolve(request.stream_name, request.stream_arn));
    CO_TRY_VOID(co_await set_retention(op, stream, request.retention_period_hours, Direction::increase));
    co_return api::IncreaseStreamRetentionPeriodOutput{};
}

Task<Result<api::DecreaseStreamRetentionPeriodOutput>> decrease_stream_retention_period(
    StreamsOp op, api::DecreaseStreamRetentionPeriodInput request) {
    CO_TRY(const StreamRef stream, op.resolve(request.stream_name, request.stream_arn));
    CO_TRY_VOID(co_await set_retention(op, stream, request.retention_period_hours, Direction::decrease));
    co_return api::DecreaseStreamRetentionPeriodOutput{};
}

}  // namespace riacho::streams
