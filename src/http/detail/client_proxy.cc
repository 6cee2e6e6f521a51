#include "http/detail/client_proxy.h"

#include <fmt/format.h>

#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/network_v4.hpp>
#include <boost/asio/ip/network_v6.hpp>
#include <charconv>
#include <cstdlib>

#include "base/base64.h"
#include "http/detail/text.h"

namespace riacho::http {
namespace detail {
namespace {

namespace ip = boost::asio::ip;

std::string_view trimmed(std::string_view text) {
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
    while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
    return text;
}

std::optional<ip::address> parse_address(std::string_view text) {
    boost::system::error_code ec;
    const ip::address address = ip::make_address(std::string(text), ec);
    return ec ? std::nullopt : std::optional(address);
}

bool is_in_network(const ip::address& address, std::string_view network) {
    boost::system::error_code ec;
    if (address.is_v4()) {
        const ip::network_v4 range = ip::make_network_v4(std::string(network), ec);
        return !ec && ip::network_v4(address.to_v4(), range.prefix_length()).network() == range.network();
    }
    const ip::network_v6 range = ip::make_network_v6(std::string(network), ec);
    return !ec && ip::network_v6(address.to_v6(), range.prefix_length()).network() == range.network();
}

// Removes ":port" from an entry; false if it is another port. A bare IPv6 address contains colons of its own.
bool take_port(std::string_view& entry, std::uint16_t port) {
    const std::size_t colon = entry.rfind(':');
    if (colon == std::string_view::npos || parse_address(entry)) return true;
    const std::string_view text = entry.substr(colon + 1);
    std::uint16_t named = 0;
    const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), named);
    if (failure != std::errc() || end != text.data() + text.size()) return true;
    entry = entry.substr(0, colon);
    return named == port;
}

bool matches(std::string_view entry, const Url& url, const std::optional<ip::address>& address) {
    if (entry == "*") return true;
    if (address && entry.contains('/')) return is_in_network(*address, entry);
    if (!take_port(entry, url.port)) return false;
    if (entry.starts_with('[') && entry.ends_with(']')) entry = entry.substr(1, entry.size() - 2);
    if (address) return parse_address(entry) == address;
    if (entry.starts_with("*.")) entry.remove_prefix(1);
    const std::string_view host = url.host;
    if (entry.starts_with('.')) {
        return host.size() > entry.size() && equal_ignoring_case(host.substr(host.size() - entry.size()), entry);
    }
    if (entry.empty() || host.size() < entry.size()) return false;
    if (!equal_ignoring_case(host.substr(host.size() - entry.size()), entry)) return false;
    return host.size() == entry.size() || host[host.size() - entry.size() - 1] == '.';
}

bool is_excluded(std::string_view list, const Url& url) {
    const std::optional<ip::address> address = parse_address(url.host);
    if (address && address->is_loopback()) return true;
    if (url.host == "localhost" || url.host.ends_with(".localhost")) return true;
    while (!list.empty()) {
        const std::string_view entry = trimmed(list.substr(0, list.find(',')));
        if (!entry.empty() && matches(entry, url, address)) return true;
        list.remove_prefix(std::min(list.find(','), list.size() - 1) + 1);
    }
    return false;
}

int hex_digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    const char lower = to_lower(c);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

std::string percent_decoded(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '%' && i + 2 < text.size() && hex_digit(text[i + 1]) >= 0 && hex_digit(text[i + 2]) >= 0) {
            out += static_cast<char>(hex_digit(text[i + 1]) * 16 + hex_digit(text[i + 2]));
            i += 2;
        } else {
            out += text[i];
        }
    }
    return out;
}

}  // namespace

Expected<std::optional<Proxy>, std::string> choose_proxy(const ProxyOptions& options, const Url& url) {
    const std::string& setting = url.secure ? options.https_proxy : options.http_proxy;
    if (setting.empty() || is_excluded(options.no_proxy, url)) return std::optional<Proxy>();
    const auto parsed = parse_url(setting.contains("://") ? setting : "http://" + setting);
    // The setting may hold a password: the message does not repeat it.
    if (!parsed) return fail(std::string("the proxy setting is not http://[user:password@]host:port"));
    if (parsed->secure) return fail(std::string("a proxy that is itself called with https is not supported"));
    Proxy proxy{.host = parsed->host, .port = parsed->port, .authorization = {}};
    if (!parsed->user_info.empty()) {
        proxy.authorization = "Basic " + encode_base64(percent_decoded(parsed->user_info));
    }
    return std::optional(std::move(proxy));
}

}  // namespace detail

ProxyOptions proxies_from_environment() {
    const auto read = [](const char* lower, const char* upper) -> std::string {
        for (const char* const name : {lower, upper}) {
            const char* const value = std::getenv(name);
            if (value != nullptr && *value != '\0') return value;
        }
        return {};
    };
    return {.http_proxy = read("http_proxy", "HTTP_PROXY"),
            .https_proxy = read("https_proxy", "HTTPS_PROXY"),
            .no_proxy = read("no_proxy", "NO_PROXY")};
}

}  // namespace riacho::http
