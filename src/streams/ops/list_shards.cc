#include <algorithm>

#include "aws/gen/kinesis/errors.gen.h"
#include "aws/gen/kinesis/types_list_shards.gen.h"
#include "base/codec.h"
#include "base/try.h"
#include "core/task.h"
#include "streams/describe.h"
#include "streams/ops/ops.h"
#include "streams/paging.h"
#include "streams/shards.h"

namespace riacho::streams {

namespace errors = api::errors;
using Filter = api::ShardFilterType;

namespace {

constexpr std::int32_t shards_default = 1'000;

// The parameters of a listing; stored in the token, because clients send only the token with the next request (spec
// 2.10).
struct Listing {
    StreamRef stream;
    std::string after;  // a shard id
    Filter filter = Filter::from_trim_horizon;
    TimestampMs at;
};

std::string encode_filter(const Listing& listing) {
    Encoder out;
    out.number(static_cast<std::uint8_t>(listing.filter));
    out.time(listing.at);
    return out.take();
}

Result<Listing> resume(StreamsOp op, const api::ListShardsInput& request) {
    if (request.stream_name) return fail(errors::token_and_other("StreamName"));
    if (request.stream_arn) return fail(errors::token_and_other("StreamARN"));
    if (request.exclusive_start_shard_id) return fail(errors::token_and_other("ExclusiveStartShardId"));
    if (request.shard_filter) return fail(errors::token_and_other("ShardFilter"));
    if (request.stream_creation_timestamp) return fail(errors::token_and_other("StreamCreationTimestamp"));
    TRY(PageToken page, resume_listing(op, TokenSealer::Kind::list_shards, request.next_token));
    Listing listing;
    listing.stream = op.catalog().snapshot()->find_by_uid(page.stream_uid);
    if (listing.stream == nullptr || listing.stream->is_gone(op.now())) return fail(errors::invalid_next_token());
    if (op.is_foreign(listing.stream->arn)) {
        TRY_VOID(op.check_policy(*listing.stream, listing.stream->arn));
    } else if (listing.stream->account != op.account() || listing.stream->region != op.region()) {
        return fail(errors::invalid_next_token());
    }
    listing.after = std::move(page.after);
    Decoder filter(page.filter);
    listing.filter = static_cast<Filter>(filter.number<std::uint8_t>());
    listing.at = filter.time();
    return listing;
}

Result<Listing> begin(StreamsOp op, const api::ListShardsInput& request) {
    if (!request.stream_name && !request.stream_arn) return fail(errors::neither_token_nor_stream());
    Listing listing;
    TRY(listing.stream, op.resolve(request.stream_name, request.stream_arn));
    listing.after = request.exclusive_start_shard_id.value_or("");
    if (!request.shard_filter) return listing;
    const api::ShardFilter& filter = *request.shard_filter;
    listing.filter = filter.type;
    if (filter.type == Filter::after_shard_id) {
        if (!filter.shard_id) return fail(errors::filter_needs_member("ShardId", name_of(filter.type)));
        if (request.exclusive_start_shard_id) return fail(errors::start_id_and_filter());
        listing.after = *filter.shard_id;
    }
    if (filter.type == Filter::at_timestamp || filter.type == Filter::from_timestamp) {
        if (!filter.timestamp) return fail(errors::filter_needs_member("Timestamp", name_of(filter.type)));
        if (*filter.timestamp > op.now()) {
            return fail(errors::timestamp_in_future(filter.timestamp->value(), op.now().value()));
        }
        listing.at = *filter.timestamp;
    }
    return listing;
}

// AWS: the table of spec 2.10.
bool passes(const Listing& listing, const catalog::ShardState& shard, TimestampMs retained_from) {
    const TimestampMs horizon = std::max(retained_from, listing.stream->created_at);
    const auto open_at = [&](TimestampMs at) {
        // A half-open interval, so that parents and children never both count and the set covers every hash key once.
        return shard.opened_at <= at && (!shard.closed_at || *shard.closed_at > at);
    };
    switch (listing.filter) {
        case Filter::after_shard_id:
        case Filter::from_trim_horizon:
            return true;
        case Filter::at_trim_horizon:
            return open_at(horizon);
        case Filter::at_latest:
            return !shard.closed_at;
        case Filter::at_timestamp:
            return open_at(std::max(listing.at, horizon));
        case Filter::from_timestamp:
            return !shard.closed_at || *shard.closed_at >= std::max(listing.at, horizon);
    }
    return false;
}

}  // namespace

Task<Result<api::ListShardsOutput>> list_shards(StreamsOp op, api::ListShardsInput request) {
    CO_TRY(const Listing listing, request.next_token ? resume(op, request) : begin(op, request));
    const auto limit = static_cast<std::size_t>(request.max_results.value_or(shards_default));
    api::ListShardsOutput output;
    output.shards.emplace();
    const TimestampMs retained_from = retention_horizon(*listing.stream, op.service().clock);
    for (const catalog::ShardState* shard : visible_shards(*listing.stream, op.service().clock)) {
        if (shard_id(shard->index) <= listing.after || !passes(listing, *shard, retained_from)) continue;
        if (output.shards->size() == limit) {
            const std::string last(output.shards->back().shard_id.view());
            const PageToken page{op.now(), listing.stream->uid, last, encode_filter(listing)};
            output.next_token = seal_page(op.tokens(), TokenSealer::Kind::list_shards, page);
            break;
        }
        output.shards->push_back(describe_shard(*shard));
    }
    co_return output;
}

}  // namespace riacho::streams
