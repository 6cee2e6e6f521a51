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
    return c < 0x80 && std::string_view("_./-=+ @%:").find(static_cast<char>(c)) != std::string_view::npos;
}

// AWS: the prefix is reserved for AWS's own tags, in upper and lower case.
bool is_reserved(std::string_view key) {
    constexpr std::string_view prefix = "aws:";
    return std::ranges::equal(key.substr(0, prefix.size()), prefix, {},
                              [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; });
}

}  // namespace

bool has_tag_characters(std::string_view text) {
    while (!text.empty()) {
        if (!is_tag_character(take_character(text))) return false;
    }
    return true;
}

aws::Result<catalog::Tags> checked_tags(std::span<const std::pair<std::string_view, std::string_view>> tags,
                                        std::string_view owner, std::string_view account) {
    catalog::Tags checked;
    bool percent = false;
    for (const auto& [key, value] : tags) {
        if (!has_tag_characters(key) || !has_tag_characters(value)) return fail(errors::tag_characters());
        percent = percent || key.contains('%') || value.contains('%');
        checked[std::string(key)] = value;
    }
    if (percent) return fail(errors::tag_percent_in_add(owner, account));
    for (const auto& [key, value] : checked) {
        if (is_reserved(key)) return fail(errors::tag_prefix_reserved());
    }
    return checked;
}

aws::Result<std::vector<std::string>> checked_tag_keys(std::span<const std::string_view> keys, std::string_view owner,
                                                       std::string_view account) {
    std::vector<std::string> checked;
    bool percent = false;
    for (const std::string_view key : keys) {
        if (!has_tag_characters(key)) return fail(errors::tag_characters());
        percent = percent || key.contains('%');
        checked.emplace_back(key);
    }
    if (percent) return fail(errors::tag_percent_in_remove(owner, account));
    return checked;
}

}  // namespace riacho::streams
