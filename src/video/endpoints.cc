#include "video/endpoints.h"

#include <algorithm>
#include <charconv>

namespace riacho::video {
namespace {

constexpr std::size_t authority_size_max = 255;

bool is_name_character(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '-' ||
           c == '_';
}

bool is_address_character(char c) {
    return (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F') || (c >= '0' && c <= '9') || c == ':' || c == '.';
}

bool is_port(std::string_view text) {
    unsigned port = 0;
    const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), port);
    return fault == std::errc() && end == text.data() + text.size() && port >= 1 && port <= 65'535;
}

// The authority's port, or nothing.
std::string_view port_of(std::string_view authority) {
    const auto bracket = authority.rfind(']');
    const auto colon = authority.rfind(':');
    if (colon == std::string_view::npos || (bracket != std::string_view::npos && colon < bracket)) return {};
    return authority.substr(colon + 1);
}

}  // namespace

bool is_authority(std::string_view text) {
    if (text.empty() || text.size() > authority_size_max) return false;
    std::string_view host = text;
    const std::string_view port = port_of(text);
    if (!port.empty()) host.remove_suffix(port.size() + 1);
    if (port.empty() && host.ends_with(':')) return false;
    if (!port.empty() && !is_port(port)) return false;
    if (host.starts_with('[')) {
        return host.size() > 4 && host.ends_with(']') &&
               std::ranges::all_of(host.substr(1, host.size() - 2), is_address_character);
    }
    return !host.empty() && std::ranges::all_of(host, is_name_character);
}

std::string endpoint_of(VideoOp op) {
    const VideoOptions& options = op.service().options;
    if (!options.advertise_url.empty()) return options.advertise_url;
    std::string_view authority = op.context().authority();
    if (!is_authority(authority)) return options.listen_url;
    const bool secure = op.context().secure();
    const std::string_view own_port = secure ? ":443" : ":80";
    if (authority.ends_with(own_port)) authority.remove_suffix(own_port.size());
    std::string url(secure ? "https://" : "http://");
    url += authority;
    return url;
}

}  // namespace riacho::video
