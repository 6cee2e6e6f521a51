// poll: running a core without its thread, for tests in which everything happens on one.
#pragma once

#include <cstddef>

#include "core/fwd.h"

namespace riacho::core {

// Runs on the calling thread what is ready on the core, until nothing is; returns how much that was. The core's runtime
// is not started.
std::size_t poll(Core& core);

}  // namespace riacho::core
