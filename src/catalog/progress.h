// Progress: the small positions of objects that change every second (acknowledgements of queues, delivery cursors,
// checkpoints). Apart from the objects, so that moving one copies no object and writes no row but its own.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/persistent_map.h"

namespace riacho::catalog {

// What moves may hold; windows of queues stay below it by their format.
inline constexpr std::size_t progress_key_size_max = 64;
inline constexpr std::size_t progress_value_size_max = 1'024;

// What a key is and means is its owner's business.
struct ProgressKey {
    std::uint64_t owner = 0;  // an object's uid
    std::string key;
    friend auto operator<=>(const ProgressKey&, const ProgressKey&) = default;
    friend bool operator==(const ProgressKey&, const ProgressKey&) = default;
};

struct ProgressKeyHash {
    std::size_t operator()(const ProgressKey& key) const {
        return std::hash<std::string>()(key.key) ^ key.owner * 0x9E37'79B9'7F4A'7C15;
    }
};

using ProgressValue = std::shared_ptr<const std::string>;
using Progress = PersistentMap<ProgressKey, ProgressValue, ProgressKeyHash>;

}  // namespace riacho::catalog
