// The memory limit of the process, and its division into shares.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "core/memory_budget.h"

namespace riacho::server {

struct MemoryLimit {
    std::size_t bytes = 0;
    std::string source;  // a file of a control group, or "half of the RAM"
};

// The smallest limit of the process's control groups and of their ancestors (version 1 and 2); if none is below the
// RAM, half of the RAM. root: a directory that replaces "/", for tests.
MemoryLimit detect_memory_limit(const std::string& root = "");

// The smallest limit with which a node works.
inline constexpr std::size_t memory_limit_min = std::size_t{256} << 20;

// Sizes in bytes. The memory that clients can fill, the process's own memory and the freed memory held by the allocator
// stay together below the limit.
struct MemoryPlan {
    core::MemoryBudget::Shares shares{};
    std::size_t cache_bytes = 0;       // log::Options
    std::size_t cached_bytes_max = 0;  // log::Options
    std::size_t queue_bytes_max = 0;   // log::Options
    std::size_t event_bytes_max = 0;   // part of MemoryUse::subscriptions for the event cache
    std::size_t buffer_kept_max = 0;   // Buffer::set_kept_max
    std::size_t connections_max = 0;   // limited by the memory that connections take
    std::size_t requests_in_progress_max = 0;
};

// cache_bytes: the configured size, or 0 for the default. A larger cache leaves less for other uses, down to a half.
MemoryPlan plan_memory(std::size_t limit, std::size_t cores, std::size_t cache_bytes);

}  // namespace riacho::server
