#include "base/u128.h"

#include <algorithm>

namespace riacho {

std::optional<U128> parse_u128(std::string_view text) {
    if (text.empty()) return std::nullopt;
    U128 value = 0;
    for (const char c : text) {
        if (c < '0' || c > '9') return std::nullopt;
        const auto digit = static_cast<unsigned>(c - '0');
        if (value > u128_max / 10 || (value == u128_max / 10 && digit > u128_max % 10)) return std::nullopt;
        value = value * 10 + digit;
    }
    return value;
}

std::string format_u128(U128 value) {
    std::string text;
    do {
        text.push_back(static_cast<char>('0' + static_cast<unsigned>(value % 10)));
        value /= 10;
    } while (value != 0);
    std::ranges::reverse(text);
    return text;
}

}  // namespace riacho
