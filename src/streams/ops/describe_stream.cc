#include <algorithm>

#include "aws/gen/kinesis/types_describe_stream.gen.h"
#include "aws/gen/kinesis/types_describe_stream_summary.gen.h"
#include "base/try.h"
#include "core/task.h"
#include "streams/configure.h"
#include "streams/describe.h"
#include "streams/ops/ops.h"
#include "streams/resources.h"
#include "streams/shards.h"

namespace riacho::streams {

namespace {

constexpr std::int32_t shards_max = 100;  // AWS: larger limits are accepted and treated as this (spec 2.2)

}  // namespace

Task<Result<api::DescribeStreamOutput>> describe_stream(StreamsOp op, api::DescribeStreamInput request) {
    CO_TRY(const StreamRef stream, op.resolve(request.stream_name, request.stream_arn));
    api::DescribeStreamOutput output;
    api::StreamDescription& out = output.stream_description;
    describe(*stream, op.now(), out);
    const auto limit = static_cast<std::size_t>(std::min(request.limit.value_or(shards_max), shards_max));
    for (const catalog::ShardState* shard : visible_shards(*stream, op.service().clock)) {
        if (request.exclusive_start_shard_id && shard_id(shard->index) <= *request.exclusive_start_shard_id) continue;
        if (out.shards.size() == limit) {
            out.has_more_shards = true;
            break;
        }
        out.shards.push_back(describe_shard(*shard));
    }
    co_return output;
}

Task<Result<api::DescribeStreamSummaryOutput>> describe_stream_summary(StreamsOp op,
                                                                       api::DescribeStreamSummaryInput request) {
    CO_TRY(const StreamRef stream, op.resolve(request.stream_name, request.stream_arn));
    api::DescribeStreamSummaryOutput output;
    api::StreamDescriptionSummary& out = output.stream_description_summary;
    describe(*stream, op.now(), out);
    const bool has_shards = stream->status(op.now()) != catalog::StreamStatus::creating;
    out.open_shard_count = has_shards ? stream->open_shard_count() : 0;
    out.consumer_count = stream->consumer_count(op.now());
    out.max_record_size_in_kib = stream->max_record_size_kib;
    out.channel_count = resource_count(op, catalog::ObjectState::Kind::channel, *stream);
    out.queue_count = resource_count(op, catalog::ObjectState::Kind::queue, *stream);
    if (stream->mode == catalog::StreamMode::on_demand) out.warm_throughput = warm_throughput(*stream);
    // AWS: returned for provisioned streams too; the Kinesis Producer Library treats a missing value as a failed call
    // (spec 6.2).
    out.record_distribution_strategy = to_api(stream->distribution);
    co_return output;
}

}  // namespace riacho::streams
