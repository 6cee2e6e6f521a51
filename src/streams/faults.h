// Injected faults for tests of clients: throttling, partial failures of PutRecords, server errors, delays. Only calls
// that write or read records fail; a test set-up that creates streams does not.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "aws/error.h"
#include "core/task_fwd.h"
#include "streams/service.h"

namespace riacho::streams {

// In percent of the calls, or of the entries of PutRecords; delay in milliseconds.
struct Faults {
    int throttle = 0;
    int partial = 0;
    int error = 0;
    std::int64_t delay_ms = 0;

    friend bool operator==(const Faults&, const Faults&) = default;
};

// Parses "throttle=10,partial=5,error=1,delay=50", every part optional. Nothing for any other text.
std::optional<Faults> parse_faults(std::string_view text);

struct FaultOptions {
    Faults standing;              // applied to every call
    bool accepts_header = false;  // X-Riacho-Fault, in the same syntax, applies to one call
};

// The faults of this call.
Faults faults_of(StreamsOp op);
// True with a probability of `percent`.
bool happens(core::Rng& rng, int percent);
// Waits and fails as `faults` requires. shard_index: for the error text.
Task<Result<void>> inject_faults(Service& service, core::Core& core, Faults faults, StreamRef stream,
                                 std::int32_t shard_index);
// Injects the faults of this call.
Task<Result<void>> inject_faults(StreamsOp op, StreamRef stream, std::int32_t shard_index);

}  // namespace riacho::streams
