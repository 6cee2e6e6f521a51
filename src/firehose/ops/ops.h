// The operations of Data Firehose: one function each, listed in operations.cc.
#pragma once

#include "aws/gen/firehose/operations.gen.h"
#include "core/task_fwd.h"
#include "firehose/service.h"

namespace riacho::firehose {

inline constexpr int tags_max = 50;  // AWS: of one delivery stream

Task<Result<api::CreateDeliveryStreamOutput>> create_delivery_stream(FirehoseOp op,
                                                                     api::CreateDeliveryStreamInput request);
Task<Result<api::DeleteDeliveryStreamOutput>> delete_delivery_stream(FirehoseOp op,
                                                                     api::DeleteDeliveryStreamInput request);
Task<Result<api::DescribeDeliveryStreamOutput>> describe_delivery_stream(FirehoseOp op,
                                                                         api::DescribeDeliveryStreamInput request);
Task<Result<api::ListDeliveryStreamsOutput>> list_delivery_streams(FirehoseOp op,
                                                                   api::ListDeliveryStreamsInput request);
Task<Result<api::ListTagsForDeliveryStreamOutput>> list_tags_for_delivery_stream(
    FirehoseOp op, api::ListTagsForDeliveryStreamInput request);
Task<Result<api::PutRecordOutput>> put_record(FirehoseOp op, api::PutRecordInput request);
Task<Result<api::PutRecordBatchOutput>> put_record_batch(FirehoseOp op, api::PutRecordBatchInput request);
Task<Result<api::StartDeliveryStreamEncryptionOutput>> start_delivery_stream_encryption(
    FirehoseOp op, api::StartDeliveryStreamEncryptionInput request);
Task<Result<api::StopDeliveryStreamEncryptionOutput>> stop_delivery_stream_encryption(
    FirehoseOp op, api::StopDeliveryStreamEncryptionInput request);
Task<Result<api::TagDeliveryStreamOutput>> tag_delivery_stream(FirehoseOp op, api::TagDeliveryStreamInput request);
Task<Result<api::UntagDeliveryStreamOutput>> untag_delivery_stream(FirehoseOp op,
                                                                   api::UntagDeliveryStreamInput request);
Task<Result<api::UpdateDestinationOutput>> update_destination(FirehoseOp op, api::UpdateDestinationInput request);

}  // namespace riacho::firehose
