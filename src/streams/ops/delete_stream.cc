#include "aws/arn.h"
#include "aws/gen/kinesis/errors.gen.h"
#include "aws/gen/kinesis/types_delete_stream.gen.h"
#include "base/try.h"
#include "core/task.h"
#include "streams/ops/ops.h"

namespace riacho::streams {

namespace errors = api::errors;

Task<Result<api::DeleteStreamOutput>> delete_stream(StreamsOp op, api::DeleteStreamInput request) {
    CO_TRY(const std::string_view name, op.stream_name(request.stream_name, request.stream_arn));
    catalog::DeleteStream command;
    command.key = {std::string(op.account()), std::string(op.region()), std::string(name)};
    command.transition_ms = op.service().transition_delay_ms;
    command.with_consumers = request.enforce_consumer_deletion.value_or(false);
    CO_TRY(const catalog::Verdict verdict, co_await op.submit(std::move(command)));
    if (verdict.code == catalog::Verdict::Code::stream_missing)
        co_return fail(errors::stream_not_found(name, op.account()));
    if (verdict.code == catalog::Verdict::Code::stream_has_consumers) {
        co_return fail(errors::stream_has_consumers(aws::stream_arn(op.region(), op.account(), name), name));
    }
    if (verdict.code == catalog::Verdict::Code::stream_has_channels) {
        co_return fail(errors::stream_has_channels(aws::stream_arn(op.region(), op.account(), name)));
    }
    if (verdict.code == catalog::Verdict::Code::stream_deleting) {
        co_return fail(errors::stream_not_active(name, op.account(), name_of(api::StreamStatus::deleting)));
    }
    co_return api::DeleteStreamOutput{};
}

}  // namespace riacho::streams
