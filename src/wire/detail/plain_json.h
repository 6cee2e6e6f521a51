// A parser for plain JSON: what SDKs send. One pass over the bytes, and nothing is copied.
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

#include "wire/document.h"

namespace riacho::wire::detail {

// The bytes after the text that the parser may read; their content does not matter.
inline constexpr std::size_t plain_json_padding = 32;

// True: the text is JSON within the limits of Document, and its nodes were appended; they are those of JsonParser,
// except that texts point into `text`. False: undecided. The text is invalid, breaks a limit, or is not plain: it has
// an escape, or a number other than an integer of up to 18 digits. JsonParser decides then.
bool parse_plain_json(std::string_view text, std::vector<Node>& nodes);

}  // namespace riacho::wire::detail
