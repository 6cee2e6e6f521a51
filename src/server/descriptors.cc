#include "server/descriptors.h"

#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>
#include <filesystem>
#include <limits>
#include <system_error>

namespace riacho::server {
namespace {

// Descriptors that are open only temporarily: a journal file and its spare, checkpoints, the catalog's other files,
// reads by a disk thread, an accepted connection that is refused.
constexpr std::size_t passing_max = 20;
constexpr std::size_t connections_min = 4;

}  // namespace

Expected<DescriptorPlan, std::string> plan_descriptors(std::size_t limit, std::size_t open_now,
                                                       std::size_t segments_max, std::size_t connections_wanted) {
    const std::size_t reserve = open_now + segments_max + passing_max;
    if (limit < reserve + connections_min) {
        return fail(fmt::format("the limit of open files (ulimit -n) is {}, and this node needs {} at least", limit,
                                reserve + connections_min));
    }
    return DescriptorPlan{reserve, std::min(connections_wanted, limit - reserve)};
}

std::size_t descriptor_limit() {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) {
        return std::numeric_limits<std::size_t>::max() / 2;
    }
    return limit.rlim_cur;
}

std::size_t open_descriptors() {
    std::error_code ec;
    std::size_t count = 0;
    for (std::filesystem::directory_iterator at("/proc/self/fd", ec), end; !ec && at != end; at.increment(ec)) ++count;
    return count;
}

}  // namespace riacho::server
