#include "streams/tags.h"

#include <algorithm>

#include "aws/gen/kinesis/errors.gen.h"

namespace riacho::streams {

namespace errors = riacho::api::kinesis::errors;

namespace {

// The next character of a UTF-8 text that was validated when the request was parsed.
char32_t take_character(std::string_view& text) {
    const auto first = static_cast<unsigned char>(text.front());
    const std::size_t size = first < 0x80 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
    char32_t c = size == 1 ? first : first & (0x7FU >> size);
    for (std::size_t i = 1; i < size && i < text.size(); ++i) c = c << 6 | (static_cast<unsigned char>(text[i]) & 0x3F);
    text.remove_prefix(std::min(size, text.size()));
    return c;
}

bool is_tag_character(char32_t c) {
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9')) return true;
    if ((c >= 0xC0 && c <= 0x1FFF) || (c >= 0x2C00 && c <= 0xD7FF)) return true;
    return c < 0x80 && std::string_view("_./-=+ @%").find(static_cast<char>(c)) != std::string_view::npos;
}

}  // namespace

bool has_tag_characters(std::string_view text) {
    while (!text.empty()) {
        if (!is_tag_character(take_character(text))) return false;
    }
    return true;
}

bool has_resource_tag_characters(std::string_view text) {
    for (;;) {
        const auto colon = text.find(':');
        if (!has_tag_characters(text.substr(0, colon))) return false;
        if (colon == std::string_view::npos) return true;
        text.remove_prefix(colon + 1);
    }
}

aws::Result<catalog::Tags> checked_resource_tags(std::span<const std::pair<std::string_view, std::string_view>> tags,
                                                 std::string_view arn, std::string_view account) {
    catalog::Tags checked;
    for (const auto& [key, value] : tags) {
        if (!has_resource_tag_characters(key) || !has_resource_tag_characters(value)) {
            return fail(errors::tag_characters());
        }
        if (key.contains('%') || value.contains('%')) return fail(errors::tag_percent_in_add(arn, account));
        checked[std::string(key)] = value;
    }
    return checked;
}

aws::Result<catalog::Tags> checked_tags(std::span<const std::pair<std::string_view, std::string_view>> tags,
                                        std::string_view stream, std::string_view account) {
    catalog::Tags checked;
    bool percent = false;
    for (const auto& [key, value] : tags) {
        if (!has_tag_characters(key) || !has_tag_characters(value)) return fail(errors::tag_characters());
        percent = percent || key.contains('%') || value.contains('%');
        checked[std::string(key)] = value;
    }
    if (percent) return fail(errors::tag_percent_in_add(stream, account));
    return checked;
}

}  // namespace riacho::streams
