// The operations of Data Streams: one function each, listed in service_operations.cc. The name is the path: put_record
// stands in ops/put_record.cc; families that mirror each other share a file (tags.cc, retention_period.cc).
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

}  // namespace riacho::streams
