// Helpers for header text.
#pragma once

#include <cstddef>
#include <string_view>

#include "base/text.h"
#include "http/message.h"

namespace riacho::http::detail {

// Removes and returns the first "name: value\r
// " of a HeaderList's text, which must not be empty.
inline HeaderField take_header_line(std::string_view& text) {
    const std::size_t end = text.find("\r\n");
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end + 2);
    const std::size_t colon = line.find(": ");
    return {line.substr(0, colon), line.substr(colon + 2)};
}

}  // namespace riacho::http::detail
