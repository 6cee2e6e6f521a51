// Conversions of nodes to the numbers, times and booleans that shapes expect. AWS: spec 3.1.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "base/time.h"
#include "wire/document.h"
#include "wire/shape.h"

namespace riacho::wire::detail {

// Numbers are floored and clamped to the range of the kind.
std::int64_t to_integer(const Node& node, Kind kind) noexcept;
double to_real(const Node& node) noexcept;
// Seconds with a fraction become milliseconds; CBOR timestamps are milliseconds already.
TimestampMs to_timestamp(const Node& node) noexcept;
// The index of the name among the values of an enumeration.
std::optional<std::uint8_t> to_enumerator(const Shape& shape, std::string_view name) noexcept;
// Accepts the texts true/false, yes/no and 1/0 in any case.
std::optional<bool> to_boolean(std::string_view text);

// False for NaN.
bool value_in_bounds(const Shape& shape, double value) noexcept;

// The length as Java counts it: UTF-16 code units. The text must be valid UTF-8.
std::int64_t utf16_length(std::string_view text) noexcept;
// Whether the text's UTF-16 length lies within the shape's bounds; in most cases decided by its size in bytes.
bool length_in_bounds(const Shape& shape, std::string_view text) noexcept;

// The index of the node after the one at `at` and its descendants.
inline std::size_t after(std::span<const Node> nodes, std::size_t at) {
    return nodes[at].is_container() ? nodes[at].end : at + 1;
}

// The entries of the object at `at`, as key and index of the value: sorted by key, the last of equal keys, without
// nulls.
std::vector<std::pair<std::string_view, std::size_t>> map_entries(std::span<const Node> nodes, std::size_t at);

}  // namespace riacho::wire::detail
