// Every operation of Data Firehose, as the gateway is given them.
#pragma once

#include <vector>

#include "aws/call.h"

namespace riacho::firehose {

std::vector<aws::OperationEntry> operations();

}  // namespace riacho::firehose
