// Progress: small positions of objects that change every second (acknowledgements of queues, delivery cursors,
// checkpoints). They are stored apart from the objects, so that a move copies no object and writes only its own row.
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

// Limits of moves; the rows of queue windows stay below them by their format.
inline constexpr std::size_t progress_key_size_max = 64;
inline constexpr std::size_t progress_value_size_max = 1'024;

// The owner's service defines the content of the key.
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
