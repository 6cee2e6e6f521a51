// How much memory the process may use, and how it is shared out.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "core/memory_budget.h"

namespace riacho::server {

struct MemoryLimit {
    std::size_t bytes = 0;
    std::string source;  // where it comes from: a file of a control group, or "half of the RAM"
};

// The smallest limit of the process's control groups and of their ancestors (version 1 and 2); without one that is
// below the RAM, half of the RAM. root: a directory that stands for "/", for tests.
MemoryLimit detect_memory_limit(const std::string& root = "");

// The smallest limit that a node works with.
inline constexpr std::size_t memory_limit_min = std::size_t{256} << 20;

// Sizes in bytes. All that clients can fill, together with what the process needs for itself and what the allocator
// keeps between two uses, stays below the limit.
struct MemoryPlan {
    core::MemoryBudget::Shares shares{};
    std::size_t cache_bytes = 0;       // log::Options
    std::size_t cached_bytes_max = 0;  // log::Options
    std::size_t queue_bytes_max = 0;   // log::Options
    std::size_t event_bytes_max = 0;   // of MemoryUse::subscriptions, for the cache of events
    std::size_t buffer_kept_max = 0;   // Buffer::set_kept_max
    std::size_t connections_max = 0;   // more would not have the memory that a connection takes
    std::size_t requests_in_progress_max = 0;
};

// cache_bytes: what was asked for, or 0. A larger cache leaves less to the rest, down to a half.
MemoryPlan plan_memory(std::size_t limit, std::size_t cores, std::size_t cache_bytes);

}  // namespace riacho::server
