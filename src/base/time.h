// Instants and spans in milliseconds, the resolution of everything Kinesis shows.
#pragma once

#include <cstdint>

#include "base/strong.h"

namespace riacho {

// Milliseconds since 1970-01-01 UTC.
using TimestampMs = Strong<struct TimestampMsTag, std::int64_t>;

// A moment on the machine's monotonic clock, in nanoseconds; comparable only inside one process.
using MonotonicNs = Strong<struct MonotonicNsTag, std::int64_t>;

}  // namespace riacho
