// Checks of base64 for a scanner that meets a text before it knows where the text ends.
#pragma once

#include <cstddef>
#include <string_view>

#include "base/base64.h"

namespace riacho {

// The length of a prefix that is in the alphabet: whole vectors only, 0 where the CPU has none.
std::size_t base64_run(std::string_view text) noexcept;
// As check_base64(), for a text of which base64_run() has covered all but at most base64_end_size characters.
inline constexpr std::size_t base64_end_size = 64;
Base64Check check_base64_end(std::string_view text) noexcept;

}  // namespace riacho
