#include "wire/detail/json_numbers.h"

#include <cstring>

#include "wire/document.h"

namespace riacho::wire::detail {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_number_part(char c) { return is_digit(c) || c == '-' || c == '+' || c == '.' || c == 'e' || c == 'E'; }

// The position after the string whose opening quote is at `at`.
const char* skip_string(const char* at, const char* end) {
    const char* const start = at + 1;
    for (const char* from = start; from < end;) {
        const auto* quote = static_cast<const char*>(std::memchr(from, '"', static_cast<std::size_t>(end - from)));
        if (quote == nullptr) return end;
        const char* backslashes = quote;
        while (backslashes > start && backslashes[-1] == '\\') --backslashes;
        if ((quote - backslashes) % 2 == 0) return quote + 1;
        from = quote + 1;
    }
    return end;
}

// Calls number(token) for each token outside strings that starts like a number.
template <class Function>
void for_each_number(std::string_view text, Function number) {
    const char* at = text.data();
    const char* const end = at + text.size();
    while (at < end) {
        if (*at == '"') {
            at = skip_string(at, end);
        } else if (is_digit(*at) || *at == '-') {
            const char* const start = at;
            while (at < end && is_number_part(*at)) ++at;
            if (!number(std::string_view(start, static_cast<std::size_t>(at - start)))) return;
        } else {
            ++at;
        }
    }
}

}  // namespace

bool numbers_have_bounded_size(std::string_view text) noexcept {
    bool bounded = true;
    for_each_number(text, [&](std::string_view token) { return bounded = token.size() <= number_size_max; });
    return bounded;
}

Buffer with_large_integers_as_reals(std::string_view text) {
    constexpr std::size_t digits_that_fit = 18;
    Buffer copy(text.size() + 64);
    const char* copied = text.data();
    for_each_number(text, [&](std::string_view token) {
        if (token.size() <= digits_that_fit || token.find_first_of(".eE") != std::string_view::npos) return true;
        const char* const end = token.data() + token.size();
        copy.append({copied, static_cast<std::size_t>(end - copied)});
        copy.append("e0");
        copied = end;
        return true;
    });
    copy.append({copied, static_cast<std::size_t>(text.data() + text.size() - copied)});
    return copy;
}

}  // namespace riacho::wire::detail
