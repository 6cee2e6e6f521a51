// Receiving records from a queue.
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

// The parameters of ReceiveQueueRecords and ReceiveDeadLetterQueueRecords.
struct ReceiveRequest {
    std::string_view arn;
    std::optional<std::int32_t> limit;
    std::optional<std::int32_t> wait_s;
    std::optional<std::int32_t> visibility_s;
    bool dead = false;
};
// Waits for a record for at most the request's wait time.
Task<Result<std::vector<api::QueueRecord>>> receive(StreamsOp op, ReceiveRequest request);

}  // namespace riacho::streams
