#include "streams/service.h"

#include "aws/arn.h"
#include "aws/gen/kinesis/errors.gen.h"
#include "base/try.h"
#include "core/task.h"
#include "log/log.h"
#include "streams/shards.h"

namespace riacho::streams {

namespace errors = api::errors;

namespace {

// Not a member: a member coroutine would keep `this`, and handles are often temporaries.
Task<Result<catalog::Verdict>> submit_command(log::Log& log, core::Core& core, std::string command) {
    const auto result = co_await log.submit(core, std::move(command));
    if (result) co_return catalog::decode_verdict(result->reply);
    switch (result.error()) {
        // AWS: a control call that cannot be stored now may be tried again.
        case log::LogError::disk_full:
        case log::LogError::overloaded:
        case log::LogError::shutting_down:
        case log::LogError::poisoned:
            co_return fail(errors::storage_unavailable());
        case log::LogError::sealed:
        case log::LogError::unknown_shard:
        case log::LogError::corrupt:
            break;
    }
    co_return fail(errors::internal_failure());
}

}  // namespace

Result<std::string_view> StreamsOp::stream_name(const std::optional<std::string_view>& name,
                                                const std::optional<std::string_view>& arn) const {
    if (!arn) {
        // AWS: the text for a missing address is not known; this is what clients older than StreamARN saw (spec 3.4).
        if (!name) return fail(errors::member_must_not_be_null("streamName"));
        return *name;
    }
    const auto parsed = aws::parse_arn(*arn);
    const auto named = parsed ? aws::stream_of_resource(parsed->resource) : std::nullopt;
    if (!named) return fail(errors::stream_not_found(*arn, account()));
    if (name && *name != *named) return fail(errors::name_and_arn_disagree(*arn, *name));
    // AWS: another account's or region's stream does not exist here (spec 2.1, stream addressing).
    if (parsed->account != account() || parsed->region != region())
        return fail(errors::stream_not_found(*arn, account()));
    return *named;
}

Result<StreamRef> StreamsOp::resolve(const std::optional<std::string_view>& name,
                                     const std::optional<std::string_view>& arn) const {
    TRY(const std::string_view wanted, stream_name(name, arn));
    return resolve(wanted);
}

Result<StreamRef> StreamsOp::resolve(std::string_view name) const {
    StreamRef stream = catalog().snapshot()->find(account(), region(), name);
    if (stream == nullptr || stream->is_gone(now())) return fail(errors::stream_not_found(name, account()));
    return stream;
}

Result<StreamRef> StreamsOp::resolve_writable(const std::optional<std::string_view>& name,
                                              const std::optional<std::string_view>& arn) const {
    TRY(StreamRef stream, resolve(name, arn));
    // AWS: a stream that is being made is not there yet for records [prod]; one that is going may still take them or
    // not, and here it does not.
    const catalog::StreamStatus status = stream->status(now());
    if (status == catalog::StreamStatus::creating || status == catalog::StreamStatus::deleting) {
        return fail(errors::stream_not_found(stream->name, account()));
    }
    return stream;
}

Result<ShardRef> StreamsOp::resolve_shard(std::string_view stream_name, std::string_view id) const {
    const auto index = parse_shard_id(id);
    if (!index) return fail(errors::shard_not_found(id, stream_name, account()));
    StreamRef stream = catalog().snapshot()->find(account(), region(), stream_name);
    const catalog::ShardState* shard = nullptr;
    if (stream != nullptr && !stream->is_gone(now()) && stream->status(now()) != catalog::StreamStatus::creating) {
        shard = stream->find_shard(*index);
    }
    if (shard == nullptr || is_expired(*stream, *shard, now())) {
        return fail(errors::shard_does_not_exist(shard_id(*index), stream_name, account()));
    }
    return ShardRef{std::move(stream), shard};
}

Task<Result<catalog::Verdict>> StreamsOp::submit(catalog::Command command) const {
    return submit_command(service_->log, context_->core(), catalog::encode(command));
}

StreamCounters& StreamsOp::counters(const catalog::StreamState& stream) const {
    return service_->metrics.of(stream.uid, stream.account, stream.region, stream.name);
}

}  // namespace riacho::streams
