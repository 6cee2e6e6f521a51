// The errors of clients for fragments that cannot be read.
#pragma once

#include "aws/error.h"
#include "video/fragment_source.h"

namespace riacho::video {

// gone: ResourceNotFoundException; unavailable: 503; damaged: 500, and the log names the place.
aws::ApiError to_api(ReadError error);

}  // namespace riacho::video
