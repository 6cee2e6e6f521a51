// File descriptors: what the node needs for itself, and how many connections the rest is for.
#pragma once

#include <cstddef>
#include <string>

#include "base/result.h"

namespace riacho::server {

struct DescriptorPlan {
    std::size_t reserve = 0;      // of the limit: what connections never take
    std::size_t connections = 0;  // at most what was wanted
};

// limit: of the process (ulimit -n). open_now: descriptors open before the first connection, with those of each core
// and of each thread. segments_max: files that the log keeps open beside them. The error is one sentence: not even a
// few connections are possible.
Expected<DescriptorPlan, std::string> plan_descriptors(std::size_t limit, std::size_t open_now,
                                                       std::size_t segments_max, std::size_t connections_wanted);

// The soft limit of the process, and how many descriptors it has open.
std::size_t descriptor_limit();
std::size_t open_descriptors();

}  // namespace riacho::server
