// Services that this node routes, authenticates and validates, and that answer nothing else yet.
#pragma once

#include <vector>

#include "aws/gateway.h"

namespace riacho::server {

std::vector<aws::ServiceEntry> upcoming_services();

}  // namespace riacho::server
