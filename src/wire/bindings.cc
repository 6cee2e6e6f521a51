#include "wire/bindings.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "base/check.h"
#include "base/text.h"
#include "wire/detail/sigv4_text.h"

namespace riacho::wire {
namespace {

Node text_node(std::string_view text) {
    Node node{};
    node.kind = NodeKind::text;
    node.size = static_cast<std::uint32_t>(text.size());
    node.text = text.data();
    return node;
}

template <class T>
std::optional<T> number(std::string_view text) {
    T value{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return value;
}

Node value_node(const Shape& shape, std::string_view text) {
    Node node{};
    switch (shape.kind) {
        case Kind::integer:
        case Kind::long_:
            if (const auto value = number<std::int64_t>(text)) {
                node.kind = NodeKind::integer;
                node.integer = *value;
                return node;
            }
            break;
        case Kind::real:
        case Kind::timestamp:
            if (const auto value = number<double>(text); value && std::isfinite(*value)) {
                node.kind = NodeKind::real;
                node.real = *value;
                return node;
            }
            if (shape.kind == Kind::timestamp) {
                // AWS: the models say seconds; Java's SDK v1 sends PutMedia's start as an ISO 8601 date.
                auto date = sigv4::detail::parse_http_date(text);
                if (!date) date = sigv4::detail::parse_iso_date(text);
                if (!date) break;
                node.kind = NodeKind::timestamp;
                node.integer = date->value();
                return node;
            }
            break;
        default:
            break;
    }
    return text_node(text);
}

std::string header_text(const Shape& shape, const void* field) {
    switch (shape.kind) {
        case Kind::string:
            return std::string(shape.text->get(field));
        case Kind::enumeration:
            return std::string(shape.values[*static_cast<const std::uint8_t*>(field)]);
        case Kind::integer:
            return std::to_string(*static_cast<const std::int32_t*>(field));
        case Kind::long_:
            return std::to_string(*static_cast<const std::int64_t*>(field));
        case Kind::boolean:
            return *static_cast<const bool*>(field) ? "true" : "false";
        default:
            RIACHO_CHECK(false, "no reply of a model has such a header");
            return {};
    }
}

}  // namespace

void for_each_header(const Shape& shape, const void* value, const AddHeader& add) {
    for (const HeaderBinding& binding : shape.headers) {
        const Member& member = shape.members[binding.member];
        if (const void* field = member.get(value)) add(binding.name, header_text(*member.shape, field));
    }
}

void bind_headers(const Shape& shape, const FindHeader& find, Document& document) {
    for (const HeaderBinding& binding : shape.headers) {
        const Member& member = shape.members[binding.member];
        const auto value = find(binding.name);
        if (!value) continue;
        // The decoder takes text members as UTF-8, which a header value need not be; no model binds more than ASCII to
        // headers.
        const bool is_ascii = std::ranges::all_of(*value, [](char c) { return static_cast<unsigned char>(c) < 0x80; });
        document.add_member(member.name, is_ascii ? value_node(*member.shape, trimmed(*value)) : text_node("?"));
    }
}

}  // namespace riacho::wire
