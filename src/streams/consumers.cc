#include "streams/consumers.h"

#include "aws/arn.h"
#include "aws/gen/kinesis/errors.gen.h"
#include "base/try.h"
#include "streams/describe.h"

namespace riacho::streams {

namespace errors = api::errors;

namespace {

// "NAME" in ".../consumer/NAME:EPOCH".
std::string_view name_in_arn(std::string_view consumer_arn) {
    constexpr std::string_view marker = "/consumer/";
    const auto at = consumer_arn.find(marker);
    if (at == std::string_view::npos) return {};
    const std::string_view rest = consumer_arn.substr(at + marker.size());
    return rest.substr(0, rest.rfind(':'));
}

// Finds a consumer of another account. AWS: a consumer has its own policy (spec 2.8). The error for a missing consumer
// is the same as for a forbidden one.
Result<ConsumerRef> resolve_shared(StreamsOp op, std::string_view stream_arn, std::string_view name,
                                   const std::optional<std::string_view>& consumer_arn) {
    const std::string_view shown = consumer_arn.value_or(stream_arn);
    ConsumerRef found;
    found.stream = op.find_by_arn(stream_arn);
    if (found.stream != nullptr) found.consumer = found.stream->find_consumer(name, op.now());
    if (found.consumer == nullptr || (consumer_arn && found.consumer->arn != *consumer_arn)) {
        return fail(op.access_denied(shown));
    }
    TRY_VOID(op.check_policy(*found.consumer, shown));
    return found;
}

}  // namespace

Result<ConsumerRef> resolve_consumer(StreamsOp op, const std::optional<std::string_view>& consumer_arn,
                                     const std::optional<std::string_view>& stream_arn,
                                     const std::optional<std::string_view>& consumer_name) {
    if (!consumer_arn && !(stream_arn && consumer_name)) return fail(errors::consumer_not_identified());
    const std::string_view shown = consumer_arn ? *consumer_arn : *consumer_name;
    const std::string_view name = consumer_arn ? name_in_arn(*consumer_arn) : *consumer_name;
    const std::string_view arn = consumer_arn ? consumer_arn->substr(0, consumer_arn->find("/consumer/")) : *stream_arn;
    if (consumer_arn && ((consumer_name && *consumer_name != name) || (stream_arn && *stream_arn != arn))) {
        return fail(
            errors::consumer_names_disagree(*consumer_arn, consumer_name.value_or(name), stream_arn.value_or(arn)));
    }
    if (op.is_foreign(arn)) return resolve_shared(op, arn, name, consumer_arn);
    ConsumerRef found;
    TRY(found.stream, op.resolve(std::nullopt, arn));
    found.consumer = found.stream->find_consumer(name, op.now());
    if (found.consumer == nullptr || (consumer_arn && found.consumer->arn != *consumer_arn)) {
        return fail(errors::consumer_not_found(shown, op.account()));
    }
    return found;
}

api::ConsumerStatus status_of(const catalog::ConsumerState& consumer, TimestampMs now) {
    if (consumer.deleted_at) return api::ConsumerStatus::deleting;
    return now < consumer.active_at ? api::ConsumerStatus::creating : api::ConsumerStatus::active;
}

api::Consumer describe_consumer(const catalog::ConsumerState& consumer, TimestampMs now) {
    api::Consumer out;
    out.consumer_name = consumer.name;
    out.consumer_arn = consumer.arn;
    out.consumer_status = status_of(consumer, now);
    out.consumer_creation_timestamp = whole_seconds(consumer.created_at);
    return out;
}

}  // namespace riacho::streams
