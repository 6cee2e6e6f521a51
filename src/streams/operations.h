// The table of Data Streams' operations.
#pragma once

#include <vector>

#include "aws/call.h"

namespace riacho::streams {

// Their service state is a streams::Service.
std::vector<aws::OperationEntry> operations();

}  // namespace riacho::streams
