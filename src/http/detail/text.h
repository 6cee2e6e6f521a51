// Small things about header text.
#pragma once

#include <cstddef>
#include <string_view>

#include "http/message.h"

namespace riacho::http::detail {

constexpr char to_lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; }

constexpr bool equal_ignoring_case(std::string_view a, std::string_view b) {
    if (a.size() != b.size()) return false;
    for (std::size_t i = 0; i < a.size(); ++i) {
        if (to_lower(a[i]) != to_lower(b[i])) return false;
    }
    return true;
}

// Takes the first "name: value\r\n" off a HeaderList's text, which must not be empty.
inline HeaderField take_header_line(std::string_view& text) {
    const std::size_t end = text.find("\r\n");
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end + 2);
    const std::size_t colon = line.find(": ");
    return {line.substr(0, colon), line.substr(colon + 2)};
}

}  // namespace riacho::http::detail
