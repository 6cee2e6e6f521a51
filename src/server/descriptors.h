// The division of file descriptors between the node's own files and connections.
#pragma once

#include <cstddef>
#include <string>

#include "base/result.h"

namespace riacho::server {

struct DescriptorPlan {
    std::size_t reserve = 0;      // part of the limit that connections never use
    std::size_t connections = 0;  // at most connections_wanted
};

// limit: of the process (ulimit -n). open_now: descriptors open before the first connection, including those of each
// core and of each thread. segments_max: files that the log keeps open in addition. The error is one sentence: the
// limit does not allow even a few connections.
Expected<DescriptorPlan, std::string> plan_descriptors(std::size_t limit, std::size_t open_now,
                                                       std::size_t segments_max, std::size_t connections_wanted);

// The process's soft limit of descriptors, and the number of open ones.
std::size_t descriptor_limit();
std::size_t open_descriptors();

}  // namespace riacho::server
