// hash_key_of() for many partition keys, several side by side in vector registers.
#pragma once

#include <span>
#include <string_view>

#include "base/u128.h"

namespace riacho {

// hash_keys.size() == partition_keys.size(). Keys of more than 55 bytes, which MD5 takes in several blocks, go one by
// one.
void hash_keys_of(std::span<const std::string_view> partition_keys, std::span<U128> hash_keys) noexcept;

}  // namespace riacho
