// What a client is told when fragments cannot be read.
#pragma once

#include "aws/error.h"
#include "video/fragment_source.h"

namespace riacho::video {

// gone: ResourceNotFoundException; unavailable: 503; damaged: 500, told in the log with its place.
aws::ApiError to_api(ReadError error);

}  // namespace riacho::video
