// How records come out of a queue.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "aws/error.h"
#include "aws/gen/kinesis/types_shared.gen.h"
#include "core/task_fwd.h"
#include "streams/service.h"

namespace riacho::streams {

// What ReceiveQueueRecords and ReceiveDeadLetterQueueRecords ask for.
struct ReceiveRequest {
    std::string_view arn;
    std::optional<std::int32_t> limit;
    std::optional<std::int32_t> wait_s;
    std::optional<std::int32_t> visibility_s;
    bool dead = false;
};
// Waits until there is a record, as long as the request wants.
Task<Result<std::vector<api::QueueRecord>>> receive(StreamsOp op, ReceiveRequest request);

}  // namespace riacho::streams
