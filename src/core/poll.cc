#include "core/poll.h"

#include <boost/asio/io_context.hpp>

#include "core/runtime.h"

namespace riacho::core {

std::size_t poll(Core& core) {
    std::size_t ran = 0;
    while (const std::size_t n = core.context().poll()) ran += n;
    return ran;
}

}  // namespace riacho::core
