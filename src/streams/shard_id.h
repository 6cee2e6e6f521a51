// The name of a shard in replies.
#pragma once

#include <cstdint>

#include "wire/value.h"

namespace riacho::streams {

// As shard_id() (shards.h), without an allocation, for replies with many of them. index >= 0.
wire::FixedText<24> shard_id_text(std::int32_t index);

}  // namespace riacho::streams
