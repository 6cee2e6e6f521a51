// Texts by code point, with a fast path for ASCII.
#pragma once

#include <cstdint>
#include <string_view>

#include "sql/text/characters.h"

namespace riacho::sql {

// Byte position after the first `count` code points (the size, if there are fewer).
inline std::size_t position_of(std::string_view text, std::int64_t count) {
    if (count <= 0) return 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if ((static_cast<unsigned char>(text[i]) & 0xC0) == 0x80) continue;
        if (count-- == 0) return i;
    }
    return text.size();
}

// Code points [from, from + count), from 0 on.
inline std::string_view slice(std::string_view text, std::int64_t from, std::int64_t count) {
    if (is_ascii(text)) {
        if (from >= static_cast<std::int64_t>(text.size())) return {};
        return text.substr(static_cast<std::size_t>(from), static_cast<std::size_t>(count));
    }
    text.remove_prefix(position_of(text, from));
    return text.substr(0, position_of(text, count));
}

}  // namespace riacho::sql
