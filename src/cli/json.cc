#include "cli/json.h"

#include <fmt/format.h>

namespace riacho::cli {

std::string json_quoted(std::string_view text) {
    std::string out = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\') {
            out += '\\';
            out += c;
        } else if (static_cast<unsigned char>(c) < 0x20) {
            out += fmt::format("\\u{:04x}", static_cast<unsigned>(static_cast<unsigned char>(c)));
        } else {
            out += c;
        }
    }
    return out + "\"";
}

std::size_t node_after(Nodes nodes, std::size_t i) {
    return nodes[i].is_container() ? static_cast<std::size_t>(nodes[i].end) : i + 1;
}

void each_member(Nodes nodes, std::size_t at,
                 const std::function<void(std::string_view key, std::size_t value)>& visit) {
    if (nodes[at].kind != wire::NodeKind::object) return;
    for (std::size_t i = at + 1; i < node_after(nodes, at); i = node_after(nodes, i + 1)) visit(nodes[i].view(), i + 1);
}

const wire::Node* find_member(Nodes nodes, std::size_t at, std::string_view name) {
    const wire::Node* found = nullptr;
    each_member(nodes, at, [&](std::string_view key, std::size_t value) {
        if (key == name) found = &nodes[value];
    });
    return found;
}

std::string_view text_member(Nodes nodes, std::size_t at, std::string_view name) {
    const wire::Node* found = find_member(nodes, at, name);
    return found != nullptr && found->kind == wire::NodeKind::text ? found->view() : std::string_view();
}

}  // namespace riacho::cli
