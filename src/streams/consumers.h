// Consumers in requests and replies.
#pragma once

#include <optional>
#include <string_view>

#include "aws/gen/kinesis/types_shared.gen.h"
#include "catalog/model.h"
#include "streams/service.h"

namespace riacho::streams {

// A consumer, and the stream whose snapshot owns it.
struct ConsumerRef {
    StreamRef stream;
    const catalog::ConsumerState* consumer = nullptr;
};

// Finds a consumer by its ARN, by the stream's ARN and its name, or by all three if they agree. AWS: data-streams spec
// 2.9.
Result<ConsumerRef> resolve_consumer(StreamsOp op, const std::optional<std::string_view>& consumer_arn,
                                     const std::optional<std::string_view>& stream_arn,
                                     const std::optional<std::string_view>& consumer_name);

api::ConsumerStatus status_of(const catalog::ConsumerState& consumer, TimestampMs now);
api::Consumer describe_consumer(const catalog::ConsumerState& consumer, TimestampMs now);

}  // namespace riacho::streams
