// The operations of Data Streams: one function each, listed in operations.cc. The function's name gives the file:
// put_record is in ops/put_record.cc; related operations share a file (tags.cc, retention_period.cc).
#pragma once

#include "aws/event_stream.h"
#include "aws/gen/kinesis/operations.gen.h"
#include "core/task_fwd.h"
#include "streams/service.h"

namespace riacho::streams {

Task<Result<api::AddTagsToStreamOutput>> add_tags_to_stream(StreamsOp op, api::AddTagsToStreamInput request);
Task<Result<api::CreateStreamOutput>> create_stream(StreamsOp op, api::CreateStreamInput request);
Task<Result<api::DecreaseStreamRetentionPeriodOutput>> decrease_stream_retention_period(
    StreamsOp op, api::DecreaseStreamRetentionPeriodInput request);
Task<Result<api::DeleteStreamOutput>> delete_stream(StreamsOp op, api::DeleteStreamInput request);
Task<Result<api::DeregisterStreamConsumerOutput>> deregister_stream_consumer(
    StreamsOp op, api::DeregisterStreamConsumerInput request);
Task<Result<api::DescribeLimitsOutput>> describe_limits(StreamsOp op, api::DescribeLimitsInput request);
Task<Result<api::DescribeStreamOutput>> describe_stream(StreamsOp op, api::DescribeStreamInput request);
Task<Result<api::DescribeStreamConsumerOutput>> describe_stream_consumer(StreamsOp op,
                                                                         api::DescribeStreamConsumerInput request);
Task<Result<api::DescribeStreamSummaryOutput>> describe_stream_summary(StreamsOp op,
                                                                       api::DescribeStreamSummaryInput request);
Task<Result<api::GetRecordsOutput>> get_records(StreamsOp op, api::GetRecordsInput request);
Task<Result<api::GetShardIteratorOutput>> get_shard_iterator(StreamsOp op, api::GetShardIteratorInput request);
Task<Result<api::IncreaseStreamRetentionPeriodOutput>> increase_stream_retention_period(
    StreamsOp op, api::IncreaseStreamRetentionPeriodInput request);
Task<Result<api::ListShardsOutput>> list_shards(StreamsOp op, api::ListShardsInput request);
Task<Result<api::ListStreamConsumersOutput>> list_stream_consumers(StreamsOp op, api::ListStreamConsumersInput request);
Task<Result<api::ListStreamsOutput>> list_streams(StreamsOp op, api::ListStreamsInput request);
Task<Result<api::ListTagsForStreamOutput>> list_tags_for_stream(StreamsOp op, api::ListTagsForStreamInput request);
Task<Result<api::MergeShardsOutput>> merge_shards(StreamsOp op, api::MergeShardsInput request);
Task<Result<api::PutRecordOutput>> put_record(StreamsOp op, api::PutRecordInput request);
Task<Result<api::PutRecordsOutput>> put_records(StreamsOp op, api::PutRecordsInput request);
Task<Result<api::RegisterStreamConsumerOutput>> register_stream_consumer(StreamsOp op,
                                                                         api::RegisterStreamConsumerInput request);
Task<Result<api::RemoveTagsFromStreamOutput>> remove_tags_from_stream(StreamsOp op,
                                                                      api::RemoveTagsFromStreamInput request);

Task<Result<api::SplitShardOutput>> split_shard(StreamsOp op, api::SplitShardInput request);
Task<Result<aws::EventProducer>> subscribe_to_shard(StreamsOp op, api::SubscribeToShardInput request);
Task<Result<api::UpdateShardCountOutput>> update_shard_count(StreamsOp op, api::UpdateShardCountInput request);

Task<Result<api::DeleteResourcePolicyOutput>> delete_resource_policy(StreamsOp op,
                                                                     api::DeleteResourcePolicyInput request);
Task<Result<api::DescribeAccountSettingsOutput>> describe_account_settings(StreamsOp op,
                                                                           api::DescribeAccountSettingsInput request);
Task<Result<api::DescribeChannelOutput>> describe_channel(StreamsOp op, api::DescribeChannelInput request);
Task<Result<api::EnhancedMonitoringOutput>> disable_enhanced_monitoring(StreamsOp op,
                                                                        api::DisableEnhancedMonitoringInput request);
Task<Result<api::EnhancedMonitoringOutput>> enable_enhanced_monitoring(StreamsOp op,
                                                                       api::EnableEnhancedMonitoringInput request);
Task<Result<api::GetResourcePolicyOutput>> get_resource_policy(StreamsOp op, api::GetResourcePolicyInput request);
Task<Result<api::ListChannelsOutput>> list_channels(StreamsOp op, api::ListChannelsInput request);
Task<Result<api::ListTagsForResourceOutput>> list_tags_for_resource(StreamsOp op,
                                                                    api::ListTagsForResourceInput request);
Task<Result<api::PutResourcePolicyOutput>> put_resource_policy(StreamsOp op, api::PutResourcePolicyInput request);
Task<Result<api::StartStreamEncryptionOutput>> start_stream_encryption(StreamsOp op,
                                                                       api::StartStreamEncryptionInput request);
Task<Result<api::StopStreamEncryptionOutput>> stop_stream_encryption(StreamsOp op,
                                                                     api::StopStreamEncryptionInput request);
Task<Result<api::TagResourceOutput>> tag_resource(StreamsOp op, api::TagResourceInput request);
Task<Result<api::UntagResourceOutput>> untag_resource(StreamsOp op, api::UntagResourceInput request);
Task<Result<api::UpdateAccountSettingsOutput>> update_account_settings(StreamsOp op,
                                                                       api::UpdateAccountSettingsInput request);
Task<Result<api::UpdateChannelOutput>> update_channel(StreamsOp op, api::UpdateChannelInput request);
Task<Result<api::CreateChannelOutput>> create_channel(StreamsOp op, api::CreateChannelInput request);
Task<Result<api::DeleteChannelOutput>> delete_channel(StreamsOp op, api::DeleteChannelInput request);
Task<Result<api::UpdateMaxRecordSizeOutput>> update_max_record_size(StreamsOp op,
                                                                    api::UpdateMaxRecordSizeInput request);
Task<Result<api::UpdateStreamModeOutput>> update_stream_mode(StreamsOp op, api::UpdateStreamModeInput request);
Task<Result<api::UpdateStreamRecordDistributionStrategyOutput>> update_stream_record_distribution_strategy(
    StreamsOp op, api::UpdateStreamRecordDistributionStrategyInput request);
Task<Result<api::UpdateStreamWarmThroughputOutput>> update_stream_warm_throughput(
    StreamsOp op, api::UpdateStreamWarmThroughputInput request);
Task<Result<api::AcknowledgeDeadLetterQueueRecordsOutput>> acknowledge_dead_letter_queue_records(
    StreamsOp op, api::AcknowledgeDeadLetterQueueRecordsInput request);
Task<Result<api::AcknowledgeQueueRecordsOutput>> acknowledge_queue_records(StreamsOp op,
                                                                           api::AcknowledgeQueueRecordsInput request);
Task<Result<api::CreateQueueOutput>> create_queue(StreamsOp op, api::CreateQueueInput request);
Task<Result<api::DeleteQueueOutput>> delete_queue(StreamsOp op, api::DeleteQueueInput request);
Task<Result<api::DescribeQueueOutput>> describe_queue(StreamsOp op, api::DescribeQueueInput request);
Task<Result<api::ListQueuesOutput>> list_queues(StreamsOp op, api::ListQueuesInput request);
Task<Result<api::ReceiveDeadLetterQueueRecordsOutput>> receive_dead_letter_queue_records(
    StreamsOp op, api::ReceiveDeadLetterQueueRecordsInput request);
Task<Result<api::ReceiveQueueRecordsOutput>> receive_queue_records(StreamsOp op, api::ReceiveQueueRecordsInput request);
Task<Result<api::RestoreDeadLetterQueueRecordsOutput>> restore_dead_letter_queue_records(
    StreamsOp op, api::RestoreDeadLetterQueueRecordsInput request);
Task<Result<api::UpdateDeadLetterQueueRecordsVisibilityOutput>> update_dead_letter_queue_records_visibility(
    StreamsOp op, api::UpdateDeadLetterQueueRecordsVisibilityInput request);
Task<Result<api::UpdateQueueOutput>> update_queue(StreamsOp op, api::UpdateQueueInput request);
Task<Result<api::UpdateQueueRecordsVisibilityOutput>> update_queue_records_visibility(
    StreamsOp op, api::UpdateQueueRecordsVisibilityInput request);

}  // namespace riacho::streams
