#include "streams/account.h"

#include <fmt/format.h>

#include "aws/arn.h"
#include "base/codec.h"

namespace riacho::streams {

std::string account_settings_arn(StreamsOp op) {
    return fmt::format("arn:{}:kinesis:{}:{}:account", aws::partition_of(op.region()), op.region(), op.account());
}

std::string encode(const AccountSettings& settings) {
    Encoder out;
    out.time(settings.started_at.value_or(TimestampMs(-1)));
    out.time(settings.ended_at.value_or(TimestampMs(-1)));
    return out.take();
}

AccountSettings load_account_settings(StreamsOp op) {
    AccountSettings settings;
    const auto stored = op.catalog().snapshot()->find_object(account_settings_arn(op));
    if (stored == nullptr) return settings;
    Decoder in(stored->settings);
    const TimestampMs started = in.time();
    const TimestampMs ended = in.time();
    if (started.value() >= 0) settings.started_at = started;
    if (ended.value() >= 0) settings.ended_at = ended;
    return settings;
}

std::int64_t provisioned_shard_count(StreamsOp op) {
    std::int64_t count = 0;
    for (const auto& stream : op.catalog().snapshot()->streams_of(op.account(), op.region())) {
        const bool counts = stream->mode == catalog::StreamMode::provisioned && !stream->is_gone(op.now());
        if (counts) count += stream->open_shard_count();
    }
    return count;
}

}  // namespace riacho::streams
