#include "http/url.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "base/text.h"

namespace riacho::http {
namespace {

constexpr std::uint16_t http_port = 80;
constexpr std::uint16_t https_port = 443;
constexpr std::size_t url_size_max = 8 * 1024;
constexpr std::size_t host_size_max = 255;

bool is_host_character(char c) {
    const char lower = to_lower(c);
    return (lower >= 'a' && lower <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_';
}

bool is_address_character(char c) {
    const char lower = to_lower(c);
    return (lower >= 'a' && lower <= 'f') || (c >= '0' && c <= '9') || c == ':' || c == '.';
}

// Splits "host", "host:port", "[address]" or "[address]:port"; false for any other form.
bool split_authority(std::string_view authority, Url& url) {
    std::string_view host = authority;
    std::string_view port;
    if (authority.starts_with('[')) {
        const std::size_t end = authority.find(']');
        if (end == std::string_view::npos) return false;
        host = authority.substr(1, end - 1);
        port = authority.substr(end + 1);
        if (!port.empty() && !port.starts_with(':')) return false;
        if (host.empty() || !std::ranges::all_of(host, is_address_character)) return false;
    } else {
        host = authority.substr(0, authority.find(':'));
        port = authority.substr(host.size());
        if (host.empty() || !std::ranges::all_of(host, is_host_character)) return false;
    }
    if (host.size() > host_size_max) return false;
    url.host = host;
    std::ranges::transform(url.host, url.host.begin(), to_lower);
    url.port = url.secure ? https_port : http_port;
    if (port.empty()) return true;
    port.remove_prefix(1);
    const auto [end, failure] = std::from_chars(port.data(), port.data() + port.size(), url.port);
    return failure == std::errc() && end == port.data() + port.size() && url.port != 0;
}

}  // namespace

std::string Url::host_and_port() const {
    return host.contains(':') ? fmt::format("[{}]:{}", host, port) : fmt::format("{}:{}", host, port);
}

std::string Url::authority() const {
    if (port != (secure ? https_port : http_port)) return host_and_port();
    return host.contains(':') ? fmt::format("[{}]", host) : host;
}

Expected<Url, std::string> parse_url(std::string_view text) {
    Url url;
    std::string_view rest = text;
    const auto take_scheme = [&rest](std::string_view scheme) {
        if (!equal_ignoring_case(rest.substr(0, scheme.size()), scheme)) return false;
        rest.remove_prefix(scheme.size());
        return true;
    };
    if (text.size() > url_size_max) return fail(fmt::format("a URL of {} bytes is too long", text.size()));
    const bool printable = std::ranges::all_of(text, [](char c) { return c > 0x20 && c < 0x7F; });
    if (!printable) return fail(std::string("a URL may not hold spaces, control characters or other than ASCII"));
    url.secure = take_scheme("https://");
    if (!url.secure && !take_scheme("http://")) {
        return fail(fmt::format("{} is neither an http:// nor an https:// URL", text));
    }
    rest = rest.substr(0, rest.find('#'));
    std::string_view authority = rest.substr(0, rest.find_first_of("/?"));
    const std::string_view target = rest.substr(authority.size());
    const std::size_t at = authority.rfind('@');
    if (at != std::string_view::npos) {
        url.user_info = authority.substr(0, at);
        authority.remove_prefix(at + 1);
    }
    if (!split_authority(authority, url)) return fail(fmt::format("{} names no host and port", text));
    url.target = target.starts_with('/') ? std::string(target) : "/" + std::string(target);
    return url;
}

}  // namespace riacho::http
