#include "outbound/s3_xml.h"

#include <cstdint>

namespace riacho::outbound {
namespace {

constexpr std::size_t looked_at_max = std::size_t{64} << 10;
constexpr std::size_t text_size_max = 1'024;

// The content of the first element of that name; empty without one, or when it holds other elements.
std::string_view element(std::string_view xml, std::string_view name) {
    const std::string begin = "<" + std::string(name) + ">";
    const std::size_t at = xml.find(begin);
    if (at == std::string_view::npos) return {};
    const std::string_view rest = xml.substr(at + begin.size());
    const std::size_t end = rest.find('<');
    const std::string closing = "</" + std::string(name) + ">";
    if (end == std::string_view::npos || !rest.substr(end).starts_with(closing)) return {};
    return rest.substr(0, end);
}

// The five predefined entities of XML; others stay as they are.
std::string decoded(std::string_view text) {
    struct Entity {
        std::string_view name;
        char character;
    };
    static constexpr Entity entities[] = {
        {"&lt;", '<'}, {"&gt;", '>'}, {"&quot;", '"'}, {"&apos;", '\''}, {"&amp;", '&'}};
    std::string out;
    while (!text.empty() && out.size() < text_size_max) {
        std::size_t taken = 1;
        char character = text.front();
        for (const Entity& entity : entities) {
            if (!text.starts_with(entity.name)) continue;
            taken = entity.name.size();
            character = entity.character;
            break;
        }
        // The text becomes part of a log line.
        const auto byte = static_cast<std::uint8_t>(character);
        out += byte < 0x20 || byte == 0x7F ? ' ' : character;
        text.remove_prefix(taken);
    }
    return out;
}

}  // namespace

S3Error parse_s3_error(std::string_view xml) {
    xml = xml.substr(0, looked_at_max);
    return {.code = decoded(element(xml, "Code")),
            .message = decoded(element(xml, "Message")),
            .region = decoded(element(xml, "Region"))};
}

}  // namespace riacho::outbound
