#include "streams/operations.h"

#include "aws/gen/kinesis/operations.gen.h"
#include "aws/gen/kinesis/types_add_tags_to_stream.gen.h"
#include "aws/gen/kinesis/types_create_stream.gen.h"
#include "aws/gen/kinesis/types_decrease_stream_retention_period.gen.h"
#include "aws/gen/kinesis/types_delete_stream.gen.h"
#include "aws/gen/kinesis/types_deregister_stream_consumer.gen.h"
#include "aws/gen/kinesis/types_describe_limits.gen.h"
#include "aws/gen/kinesis/types_describe_stream.gen.h"
#include "aws/gen/kinesis/types_describe_stream_consumer.gen.h"
#include "aws/gen/kinesis/types_describe_stream_summary.gen.h"
#include "aws/gen/kinesis/types_get_records.gen.h"
#include "aws/gen/kinesis/types_get_shard_iterator.gen.h"
#include "aws/gen/kinesis/types_increase_stream_retention_period.gen.h"
#include "aws/gen/kinesis/types_list_shards.gen.h"
#include "aws/gen/kinesis/types_list_stream_consumers.gen.h"
#include "aws/gen/kinesis/types_list_streams.gen.h"
#include "aws/gen/kinesis/types_list_tags_for_stream.gen.h"
#include "aws/gen/kinesis/types_merge_shards.gen.h"
#include "aws/gen/kinesis/types_put_record.gen.h"
#include "aws/gen/kinesis/types_put_records.gen.h"
#include "aws/gen/kinesis/types_register_stream_consumer.gen.h"
#include "aws/gen/kinesis/types_remove_tags_from_stream.gen.h"
#include "aws/gen/kinesis/types_split_shard.gen.h"
#include "aws/gen/kinesis/types_subscribe_to_shard.gen.h"
#include "aws/gen/kinesis/types_update_shard_count.gen.h"
#include "aws/operation.h"
#include "streams/ops/ops.h"

namespace riacho::streams {

namespace {

using aws::Bind;
using aws::BindStream;
using aws::Unsupported;

// Every operation of the model appears here, or the build fails.
using Operations = aws::OperationList<
    Bind<api::AddTagsToStream, &add_tags_to_stream>, Bind<api::CreateStream, &create_stream>,
    Bind<api::DecreaseStreamRetentionPeriod, &decrease_stream_retention_period>,
    Bind<api::DeleteStream, &delete_stream>, Bind<api::DescribeLimits, &describe_limits>,
    Bind<api::DescribeStream, &describe_stream>, Bind<api::DescribeStreamSummary, &describe_stream_summary>,
    Bind<api::GetRecords, &get_records>, Bind<api::GetShardIterator, &get_shard_iterator>,
    Bind<api::IncreaseStreamRetentionPeriod, &increase_stream_retention_period>, Bind<api::ListShards, &list_shards>,
    Bind<api::ListStreams, &list_streams>, Bind<api::ListTagsForStream, &list_tags_for_stream>,
    Bind<api::PutRecord, &put_record>, Bind<api::PutRecords, &put_records>,
    Bind<api::RemoveTagsFromStream, &remove_tags_from_stream>, Unsupported<api::AcknowledgeDeadLetterQueueRecords>,
    Unsupported<api::AcknowledgeQueueRecords>, Unsupported<api::CreateChannel>, Unsupported<api::CreateQueue>,
    Unsupported<api::DeleteChannel>, Unsupported<api::DeleteQueue>, Unsupported<api::DeleteResourcePolicy>,
    Bind<api::DeregisterStreamConsumer, &deregister_stream_consumer>, Unsupported<api::DescribeAccountSettings>,
    Unsupported<api::DescribeChannel>, Unsupported<api::DescribeQueue>,
    Bind<api::DescribeStreamConsumer, &describe_stream_consumer>, Unsupported<api::DisableEnhancedMonitoring>,
    Unsupported<api::EnableEnhancedMonitoring>, Unsupported<api::GetResourcePolicy>, Unsupported<api::ListChannels>,
    Unsupported<api::ListQueues>, Bind<api::ListStreamConsumers, &list_stream_consumers>,
    Unsupported<api::ListTagsForResource>, Bind<api::MergeShards, &merge_shards>, Unsupported<api::PutResourcePolicy>,
    Unsupported<api::ReceiveDeadLetterQueueRecords>, Unsupported<api::ReceiveQueueRecords>,
    Bind<api::RegisterStreamConsumer, &register_stream_consumer>, Unsupported<api::RestoreDeadLetterQueueRecords>,
    Bind<api::SplitShard, &split_shard>, Unsupported<api::StartStreamEncryption>,
    Unsupported<api::StopStreamEncryption>, BindStream<api::SubscribeToShard, &subscribe_to_shard>,
    Unsupported<api::TagResource>, Unsupported<api::UntagResource>, Unsupported<api::UpdateAccountSettings>,
    Unsupported<api::UpdateChannel>, Unsupported<api::UpdateDeadLetterQueueRecordsVisibility>,
    Unsupported<api::UpdateMaxRecordSize>, Unsupported<api::UpdateQueue>,
    Unsupported<api::UpdateQueueRecordsVisibility>, Bind<api::UpdateShardCount, &update_shard_count>,
    Unsupported<api::UpdateStreamMode>, Unsupported<api::UpdateStreamRecordDistributionStrategy>,
    Unsupported<api::UpdateStreamWarmThroughput>>;
static_assert(aws::covers<Operations, api::AllOperations>);

}  // namespace

std::vector<aws::OperationEntry> operations() { return aws::operation_table<StreamsOp, Service>(Operations{}); }

}  // namespace riacho::streams
