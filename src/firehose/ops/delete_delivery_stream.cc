#include "aws/gen/firehose/errors.gen.h"
#include "aws/gen/firehose/types_delete_delivery_stream.gen.h"
#include "base/try.h"
#include "core/task.h"
#include "firehose/ops/ops.h"

namespace riacho::firehose {

namespace errors = api::errors;

// AWS: undelivered records are dropped (spec 3.2). AllowForceDelete concerns grants of KMS, which do not exist here.
Task<Result<api::DeleteDeliveryStreamOutput>> delete_delivery_stream(FirehoseOp op,
                                                                     api::DeleteDeliveryStreamInput request) {
    CO_TRY(const StreamRef stream, op.resolve(request.delivery_stream_name));
    const api::DeliveryStreamStatus status = status_of(*stream.object, op.now());
    if (status == api::DeliveryStreamStatus::creating) {
        co_return fail(errors::stream_not_active(request.delivery_stream_name, op.account(), name_of(status)));
    }
    catalog::DeleteObject command;
    command.object.uid = stream.object->uid;
    command.transition_ms = op.service().transition_delay_ms;
    CO_TRY(const catalog::Verdict verdict, co_await op.submit(std::move(command)));
    static_cast<void>(verdict);  // deleting twice succeeds
    co_return api::DeleteDeliveryStreamOutput{};
}

}  // namespace riacho::firehose
