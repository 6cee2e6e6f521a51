// Failures on purpose, for tests of clients: throttling, partial failures of PutRecords, server errors, delays. Only
// calls that move records fail; a test set-up that creates streams does not.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "aws/error.h"
#include "core/task_fwd.h"
#include "streams/service.h"

namespace riacho::streams {

// In percent of the calls, or of the entries of PutRecords.
struct Faults {
    int throttle = 0;
    int partial = 0;
    int error = 0;
    std::int64_t delay_ms = 0;

    friend bool operator==(const Faults&, const Faults&) = default;
};

// "throttle=10,partial=5,error=1,delay=50", every part optional. Nothing for anything else.
std::optional<Faults> parse_faults(std::string_view text);

struct FaultOptions {
    Faults standing;              // of every call
    bool accepts_header = false;  // X-Riacho-Fault, in the same words, for one call
};

// Those of this call.
Faults faults_of(StreamsOp op);
// True for so many percent of the questions.
bool happens(core::Rng& rng, int percent);
// Waits and fails as the faults want it. shard_index: for the text.
Task<Result<void>> inject_faults(Service& service, core::Core& core, Faults faults, StreamRef stream,
                                 std::int32_t shard_index);
// The same for the faults of this call.
Task<Result<void>> inject_faults(StreamsOp op, StreamRef stream, std::int32_t shard_index);

}  // namespace riacho::streams
