// Checks and rewrites the numbers of a JSON text before it is parsed.
#pragma once

#include <string_view>

#include "base/buffer.h"

namespace riacho::wire::detail {

// True if no number is longer than number_size_max characters. The text need not be valid JSON.
bool numbers_have_bounded_size(std::string_view text) noexcept;

// Copies the text and appends an exponent to integers that may not fit 64 bits, so that the parser reads them as reals.
Buffer with_large_integers_as_reals(std::string_view text);

}  // namespace riacho::wire::detail
