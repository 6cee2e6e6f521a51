#include "streams/operations.h"

#include "aws/gen/kinesis/operations.gen.h"
#include "aws/gen/kinesis/types_acknowledge_dead_letter_queue_records.gen.h"
#include "aws/gen/kinesis/types_acknowledge_queue_records.gen.h"
#include "aws/gen/kinesis/types_add_tags_to_stream.gen.h"
#include "aws/gen/kinesis/types_create_channel.gen.h"
#include "aws/gen/kinesis/types_create_queue.gen.h"
#include "aws/gen/kinesis/types_create_stream.gen.h"
#include "aws/gen/kinesis/types_decrease_stream_retention_period.gen.h"
#include "aws/gen/kinesis/types_delete_channel.gen.h"
#include "aws/gen/kinesis/types_delete_queue.gen.h"
#include "aws/gen/kinesis/types_delete_resource_policy.gen.h"
#include "aws/gen/kinesis/types_delete_stream.gen.h"
#include "aws/gen/kinesis/types_deregister_stream_consumer.gen.h"
#include "aws/gen/kinesis/types_describe_account_settings.gen.h"
#include "aws/gen/kinesis/types_describe_channel.gen.h"
#include "aws/gen/kinesis/types_describe_limits.gen.h"
#include "aws/gen/kinesis/types_describe_queue.gen.h"
#include "aws/gen/kinesis/types_describe_stream.gen.h"
#include "aws/gen/kinesis/types_describe_stream_consumer.gen.h"
#include "aws/gen/kinesis/types_describe_stream_summary.gen.h"
#include "aws/gen/kinesis/types_disable_enhanced_monitoring.gen.h"
#include "aws/gen/kinesis/types_enable_enhanced_monitoring.gen.h"
#include "aws/gen/kinesis/types_get_records.gen.h"
#include "aws/gen/kinesis/types_get_resource_policy.gen.h"
#include "aws/gen/kinesis/types_get_shard_iterator.gen.h"
#include "aws/gen/kinesis/types_increase_stream_retention_period.gen.h"
#include "aws/gen/kinesis/types_list_channels.gen.h"
#include "aws/gen/kinesis/types_list_queues.gen.h"
#include "aws/gen/kinesis/types_list_shards.gen.h"
#include "aws/gen/kinesis/types_list_stream_consumers.gen.h"
#include "aws/gen/kinesis/types_list_streams.gen.h"
#include "aws/gen/kinesis/types_list_tags_for_resource.gen.h"
#include "aws/gen/kinesis/types_list_tags_for_stream.gen.h"
#include "aws/gen/kinesis/types_merge_shards.gen.h"
#include "aws/gen/kinesis/types_put_record.gen.h"
#include "aws/gen/kinesis/types_put_records.gen.h"
#include "aws/gen/kinesis/types_put_resource_policy.gen.h"
#include "aws/gen/kinesis/types_receive_dead_letter_queue_records.gen.h"
#include "aws/gen/kinesis/types_receive_queue_records.gen.h"
#include "aws/gen/kinesis/types_register_stream_consumer.gen.h"
#include "aws/gen/kinesis/types_remove_tags_from_stream.gen.h"
#include "aws/gen/kinesis/types_restore_dead_letter_queue_records.gen.h"
#include "aws/gen/kinesis/types_split_shard.gen.h"
#include "aws/gen/kinesis/types_start_stream_encryption.gen.h"
#include "aws/gen/kinesis/types_stop_stream_encryption.gen.h"
#include "aws/gen/kinesis/types_subscribe_to_shard.gen.h"
#include "aws/gen/kinesis/types_tag_resource.gen.h"
#include "aws/gen/kinesis/types_untag_resource.gen.h"
#include "aws/gen/kinesis/types_update_account_settings.gen.h"
#include "aws/gen/kinesis/types_update_channel.gen.h"
#include "aws/gen/kinesis/types_update_dead_letter_queue_records_visibility.gen.h"
#include "aws/gen/kinesis/types_update_max_record_size.gen.h"
#include "aws/gen/kinesis/types_update_queue.gen.h"
#include "aws/gen/kinesis/types_update_queue_records_visibility.gen.h"
#include "aws/gen/kinesis/types_update_shard_count.gen.h"
#include "aws/gen/kinesis/types_update_stream_mode.gen.h"
#include "aws/gen/kinesis/types_update_stream_record_distribution_strategy.gen.h"
#include "aws/gen/kinesis/types_update_stream_warm_throughput.gen.h"
#include "aws/operation.h"
#include "streams/ops/ops.h"

namespace riacho::streams {

namespace {

using aws::Bind;
using aws::BindStream;

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
    Bind<api::RemoveTagsFromStream, &remove_tags_from_stream>,
    Bind<api::AcknowledgeDeadLetterQueueRecords, &acknowledge_dead_letter_queue_records>,
    Bind<api::AcknowledgeQueueRecords, &acknowledge_queue_records>, Bind<api::CreateChannel, &create_channel>,
    Bind<api::CreateQueue, &create_queue>, Bind<api::DeleteChannel, &delete_channel>,
    Bind<api::DeleteQueue, &delete_queue>, Bind<api::DeleteResourcePolicy, &delete_resource_policy>,
    Bind<api::DeregisterStreamConsumer, &deregister_stream_consumer>,
    Bind<api::DescribeAccountSettings, &describe_account_settings>, Bind<api::DescribeChannel, &describe_channel>,
    Bind<api::DescribeQueue, &describe_queue>, Bind<api::DescribeStreamConsumer, &describe_stream_consumer>,
    Bind<api::DisableEnhancedMonitoring, &disable_enhanced_monitoring>,
    Bind<api::EnableEnhancedMonitoring, &enable_enhanced_monitoring>,
    Bind<api::GetResourcePolicy, &get_resource_policy>, Bind<api::ListChannels, &list_channels>,
    Bind<api::ListQueues, &list_queues>, Bind<api::ListStreamConsumers, &list_stream_consumers>,
    Bind<api::ListTagsForResource, &list_tags_for_resource>, Bind<api::MergeShards, &merge_shards>,
    Bind<api::PutResourcePolicy, &put_resource_policy>,
    Bind<api::ReceiveDeadLetterQueueRecords, &receive_dead_letter_queue_records>,
    Bind<api::ReceiveQueueRecords, &receive_queue_records>,
    Bind<api::RegisterStreamConsumer, &register_stream_consumer>,
    Bind<api::RestoreDeadLetterQueueRecords, &restore_dead_letter_queue_records>, Bind<api::SplitShard, &split_shard>,
    Bind<api::StartStreamEncryption, &start_stream_encryption>,
    Bind<api::StopStreamEncryption, &stop_stream_encryption>, BindStream<api::SubscribeToShard, &subscribe_to_shard>,
    Bind<api::TagResource, &tag_resource>, Bind<api::UntagResource, &untag_resource>,
    Bind<api::UpdateAccountSettings, &update_account_settings>, Bind<api::UpdateChannel, &update_channel>,
    Bind<api::UpdateDeadLetterQueueRecordsVisibility, &update_dead_letter_queue_records_visibility>,
    Bind<api::UpdateMaxRecordSize, &update_max_record_size>, Bind<api::UpdateQueue, &update_queue>,
    Bind<api::UpdateQueueRecordsVisibility, &update_queue_records_visibility>,
    Bind<api::UpdateShardCount, &update_shard_count>, Bind<api::UpdateStreamMode, &update_stream_mode>,
    Bind<api::UpdateStreamRecordDistributionStrategy, &update_stream_record_distribution_strategy>,
    Bind<api::UpdateStreamWarmThroughput, &update_stream_warm_throughput>>;
static_assert(aws::covers<Operations, api::AllOperations>);

}  // namespace

std::vector<aws::OperationEntry> operations() { return aws::operation_table<StreamsOp, Service>(Operations{}); }

}  // namespace riacho::streams
