#include "firehose/operations.h"

#include "aws/gen/firehose/operations.gen.h"
#include "aws/gen/firehose/types_create_delivery_stream.gen.h"
#include "aws/gen/firehose/types_delete_delivery_stream.gen.h"
#include "aws/gen/firehose/types_describe_delivery_stream.gen.h"
#include "aws/gen/firehose/types_list_delivery_streams.gen.h"
#include "aws/gen/firehose/types_list_tags_for_delivery_stream.gen.h"
#include "aws/gen/firehose/types_put_record.gen.h"
#include "aws/gen/firehose/types_put_record_batch.gen.h"
#include "aws/gen/firehose/types_start_delivery_stream_encryption.gen.h"
#include "aws/gen/firehose/types_stop_delivery_stream_encryption.gen.h"
#include "aws/gen/firehose/types_tag_delivery_stream.gen.h"
#include "aws/gen/firehose/types_untag_delivery_stream.gen.h"
#include "aws/gen/firehose/types_update_destination.gen.h"
#include "aws/operation.h"
#include "firehose/ops/ops.h"

namespace riacho::firehose {
namespace {

using aws::Bind;

using Operations = aws::OperationList<
    Bind<api::PutRecord, &put_record>, Bind<api::PutRecordBatch, &put_record_batch>,
    Bind<api::CreateDeliveryStream, &create_delivery_stream>, Bind<api::DeleteDeliveryStream, &delete_delivery_stream>,
    Bind<api::DescribeDeliveryStream, &describe_delivery_stream>,
    Bind<api::ListDeliveryStreams, &list_delivery_streams>,
    Bind<api::ListTagsForDeliveryStream, &list_tags_for_delivery_stream>,
    Bind<api::StartDeliveryStreamEncryption, &start_delivery_stream_encryption>,
    Bind<api::StopDeliveryStreamEncryption, &stop_delivery_stream_encryption>,
    Bind<api::TagDeliveryStream, &tag_delivery_stream>, Bind<api::UntagDeliveryStream, &untag_delivery_stream>,
    Bind<api::UpdateDestination, &update_destination>>;
static_assert(aws::covers<Operations, api::AllOperations>);

}  // namespace

std::vector<aws::OperationEntry> operations() { return aws::operation_table<FirehoseOp, Service>(Operations{}); }

}  // namespace riacho::firehose
