// The tables of Data Analytics' operations, of both versions of its API.
#pragma once

#include <vector>

#include "aws/call.h"

namespace riacho::analytics {

// Their state is an analytics::Service.
std::vector<aws::OperationEntry> operations_v1();
std::vector<aws::OperationEntry> operations_v2();

}  // namespace riacho::analytics
