// The table of all operations of Data Firehose, for the gateway.
#pragma once

#include <vector>

#include "aws/call.h"

namespace riacho::firehose {

std::vector<aws::OperationEntry> operations();

}  // namespace riacho::firehose
