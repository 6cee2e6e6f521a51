// poll: runs a core without its thread, for single-threaded tests.
#pragma once

#include <cstddef>

#include "core/fwd.h"

namespace riacho::core {

// Runs the core's ready handlers on the calling thread until none is left; returns their number. The core's runtime
// must not be started.
std::size_t poll(Core& core);

}  // namespace riacho::core
