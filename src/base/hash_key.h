// The place of a partition key in a stream's hash space.
#pragma once

#include <string_view>

#include "base/u128.h"

namespace riacho {

// AWS: the MD5 of the key's UTF-8 bytes as a big-endian number (data-streams spec 4.2).
U128 hash_key_of(std::string_view partition_key) noexcept;

}  // namespace riacho
