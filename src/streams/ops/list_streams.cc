#include <algorithm>

#include "aws/gen/kinesis/errors.gen.h"
#include "aws/gen/kinesis/types_describe_limits.gen.h"
#include "aws/gen/kinesis/types_list_streams.gen.h"
#include "base/try.h"
#include "core/task.h"
#include "streams/account.h"
#include "streams/describe.h"
#include "streams/ops/ops.h"
#include "streams/paging.h"
#include "streams/resources.h"

namespace riacho::streams {

namespace errors = api::errors;

namespace {

constexpr std::int32_t streams_max = 100;
// AWS: the defaults of a large region (spec 4.10). They are not enforced; clients read them when they plan.
constexpr std::int32_t on_demand_limit = 50;
constexpr std::int32_t channel_limit = 100;

// The name after which this page starts; empty for the first.
Result<std::string> start_after(StreamsOp op, const api::ListStreamsInput& request) {
    if (!request.next_token) return std::string(request.exclusive_start_stream_name.value_or(""));
    if (request.exclusive_start_stream_name) return fail(errors::token_and_other("ExclusiveStartStreamName"));
    TRY(PageToken page, resume_listing(op, TokenSealer::Kind::list_streams, request.next_token));
    return std::move(page.after);
}

}  // namespace

Task<Result<api::ListStreamsOutput>> list_streams(StreamsOp op, api::ListStreamsInput request) {
    CO_TRY(const std::string after, start_after(op, request));
    const auto limit = static_cast<std::size_t>(std::min(request.limit.value_or(streams_max), streams_max));
    api::ListStreamsOutput output;
    output.stream_summaries.emplace();
    for (const auto& stream : op.catalog().snapshot()->streams_of(op.account(), op.region())) {
        if (stream->name <= after || stream->is_gone(op.now())) continue;
        if (output.stream_names.size() == limit) {
            output.has_more_streams = true;
            break;
        }
        output.stream_names.push_back(stream->name);
        api::StreamSummary& summary = output.stream_summaries->emplace_back();
        summary.stream_name = stream->name;
        summary.stream_arn = stream->arn;
        summary.stream_status = to_api(stream->status(op.now()));
        summary.stream_mode_details.emplace().stream_mode = to_api(stream->mode);
        summary.stream_creation_timestamp = whole_seconds(stream->created_at);
    }
    if (output.has_more_streams) {
        const PageToken page{op.now(), 0, output.stream_names.back(), {}};
        output.next_token = seal_page(op.tokens(), TokenSealer::Kind::list_streams, page);
    }
    co_return output;
}

Task<Result<api::DescribeLimitsOutput>> describe_limits(StreamsOp op, api::DescribeLimitsInput) {
    api::DescribeLimitsOutput output;
    output.shard_limit = account_shards_max;
    output.open_shard_count = static_cast<std::int32_t>(provisioned_shard_count(op));
    output.on_demand_stream_count_limit = on_demand_limit;
    output.channel_count = static_cast<std::int32_t>(resources_of(op, catalog::ObjectState::Kind::channel).size());
    output.channel_count_limit = channel_limit;
    for (const auto& stream : op.catalog().snapshot()->streams_of(op.account(), op.region())) {
        const bool counts = stream->mode == catalog::StreamMode::on_demand && !stream->is_gone(op.now());
        if (counts) ++output.on_demand_stream_count;
    }
    co_return output;
}

}  // namespace riacho::streams
