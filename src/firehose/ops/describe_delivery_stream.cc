#include "aws/gen/firehose/types_describe_delivery_stream.gen.h"
#include "base/try.h"
#include "core/task.h"
#include "firehose/ops/ops.h"

namespace riacho::firehose {

// AWS: Limit and ExclusiveStartDestinationId have no effect, as there is one destination.
Task<Result<api::DescribeDeliveryStreamOutput>> describe_delivery_stream(FirehoseOp op,
                                                                         api::DescribeDeliveryStreamInput request) {
    CO_TRY(const StreamRef stream, op.resolve(request.delivery_stream_name));
    api::DescribeDeliveryStreamOutput output;
    output.delivery_stream_description = describe(*stream.object, *stream.settings, op.now());
    co_return output;
}

}  // namespace riacho::firehose
