#include "base/hash_key.h"

#include "base/digest.h"

namespace riacho {

U128 hash_key_of(std::string_view partition_key) noexcept {
    const Md5 digest = md5(partition_key);
    U128 key = 0;
    for (const std::uint8_t byte : digest) key = (key << 8) | byte;
    return key;
}

}  // namespace riacho
