// The table of the service's operations for the gateway, one for each model.
#pragma once

#include <vector>

#include "aws/call.h"

namespace riacho::video {

std::vector<aws::OperationEntry> control_operations();
std::vector<aws::OperationEntry> media_operations();
std::vector<aws::OperationEntry> archived_media_operations();
std::vector<aws::OperationEntry> signaling_operations();
std::vector<aws::OperationEntry> webrtc_storage_operations();

}  // namespace riacho::video
