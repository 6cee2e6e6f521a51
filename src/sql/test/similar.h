// SIMILAR TO of the reference interpreter: no regular expression of any library.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace riacho::sql {

// Texts and patterns in characters. Nothing: the pattern is invalid. `escape`: a character, or empty.
[[nodiscard]] std::optional<bool> similar_to(const std::vector<std::string>& text,
                                             const std::vector<std::string>& pattern, const std::string& escape);

}  // namespace riacho::sql
