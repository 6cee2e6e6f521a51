// Reading members of a parsed JSON document, and writing JSON strings.
#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "wire/document.h"

namespace riacho::cli {

using Nodes = std::span<const wire::Node>;

// A JSON string with its quotes.
std::string json_quoted(std::string_view text);
// The index of the node after the one at `i` and its descendants.
std::size_t node_after(Nodes nodes, std::size_t i);
// Calls visit(key, index of the value in nodes) for each member of the object at `at`; nothing for other nodes.
void each_member(Nodes nodes, std::size_t at,
                 const std::function<void(std::string_view key, std::size_t value)>& visit);
// The value of the named member of the object at `at`; null without one.
const wire::Node* find_member(Nodes nodes, std::size_t at, std::string_view name);
// The text of the named member; empty without one, or when its value is not a text.
std::string_view text_member(Nodes nodes, std::size_t at, std::string_view name);

}  // namespace riacho::cli
