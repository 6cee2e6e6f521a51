// The services of a node besides Data Streams.
#pragma once

#include <memory>
#include <vector>

#include "server/modules/module.h"
#include "server/modules/parts.h"

namespace riacho::server {

// In the order in which they are started; they are stopped in reverse.
std::vector<std::unique_ptr<Module>> make_services(const Parts& parts);

}  // namespace riacho::server
