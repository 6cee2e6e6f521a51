#include "server/origin_policy.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>

namespace riacho::server {
namespace {

std::string lower(std::string_view text) {
    std::string out(text);
    std::ranges::transform(out, out.begin(),
                           [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
    return out;
}

struct Authority {
    std::string host;  // lower-case, without a final dot; IPv6 addresses without brackets
    std::string port;  // empty: the scheme's default
    bool is_ipv6 = false;
};

// Nothing if the text is not HOST[:PORT].
std::optional<Authority> parse_authority(std::string_view text) {
    Authority authority;
    if (text.starts_with('[')) {
        const auto end = text.find(']');
        if (end == std::string_view::npos) return std::nullopt;
        authority.host = lower(text.substr(1, end - 1));
        authority.is_ipv6 = true;
        text.remove_prefix(end + 1);
    } else {
        const auto end = std::min(text.find(':'), text.size());
        authority.host = lower(text.substr(0, end));
        text.remove_prefix(end);
        if (authority.host.ends_with('.')) authority.host.pop_back();
    }
    if (!text.empty()) {
        if (text.front() != ':') return std::nullopt;
        authority.port = text.substr(1);
    }
    const bool digits = std::ranges::all_of(authority.port, [](char c) { return c >= '0' && c <= '9'; });
    const bool plain = authority.host.find_first_of("/@ \t\\?#") == std::string::npos;
    if (authority.host.empty() || !digits || !plain) return std::nullopt;
    return authority;
}

bool is_ipv4(const std::string& host) {
    in_addr address{};
    return ::inet_pton(AF_INET, host.c_str(), &address) == 1;
}

bool is_ipv6(const std::string& host) {
    in6_addr address{};
    return ::inet_pton(AF_INET6, host.c_str(), &address) == 1;
}

bool is_loopback(const Authority& authority) {
    const std::string& host = authority.host;
    if (authority.is_ipv6) {
        in6_addr address{};
        return ::inet_pton(AF_INET6, host.c_str(), &address) == 1 && IN6_IS_ADDR_LOOPBACK(&address);
    }
    return host == "localhost" || host.ends_with(".localhost") || (host.starts_with("127.") && is_ipv4(host));
}

struct Origin {
    std::string_view scheme;
    Authority authority;
};

std::optional<Origin> parse_origin(std::string_view text) {
    const auto colon = text.find("://");
    if (colon == std::string_view::npos) return std::nullopt;
    auto authority = parse_authority(text.substr(colon + 3));
    if (!authority) return std::nullopt;
    return Origin{text.substr(0, colon), *std::move(authority)};
}

http::Response forbidden(std::string_view message) {
    http::Response response;
    response.status = 403;
    response.headers.add("content-type", "application/x-amz-json-1.1");
    response.headers.add("cache-control", "no-store");
    response.body.append(R"({"__type":"AccessDeniedException","Message":")");
    response.body.append(message);
    response.body.append("\"}");
    return response;
}

}  // namespace

bool is_origin(std::string_view text) { return parse_origin(text).has_value(); }

OriginPolicy::OriginPolicy(std::vector<std::string> origins, const std::vector<std::string>& hosts)
    : origins_(std::move(origins)) {
    for (std::string& origin : origins_) {
        any_origin_ |= origin == "*";
        origin = lower(origin);
    }
    for (const std::string& host : hosts) {
        hosts_.push_back(lower(host));
        if (hosts_.back().ends_with('.')) hosts_.back().pop_back();
    }
}

bool OriginPolicy::is_trusted_host(std::string_view text) const {
    const auto authority = parse_authority(text);
    if (!authority) return false;
    if (authority->is_ipv6) return is_ipv6(authority->host);
    const std::string& host = authority->host;
    return !host.contains('.') || is_ipv4(host) || host.ends_with(".localhost") ||
           std::ranges::find(hosts_, host) != hosts_.end();
}

bool OriginPolicy::is_allowed_origin(std::string_view text, std::string_view authority, bool secure) const {
    if (any_origin_ || std::ranges::find(origins_, lower(text)) != origins_.end()) return true;
    const auto origin = parse_origin(text);
    if (!origin) return false;  // "null": a sandboxed page, or a local file
    if (is_loopback(origin->authority)) return true;
    const auto own = parse_authority(authority);
    if (!own || !is_trusted_host(authority)) return false;
    const auto port = [](const Authority& a, bool https) { return a.port.empty() ? (https ? "443" : "80") : a.port; };
    const bool https = lower(origin->scheme) == "https";
    return https == secure && origin->authority.host == own->host &&
           port(origin->authority, https) == port(*own, secure);
}

std::optional<http::Response> OriginPolicy::refuse(const http::Request& request, bool is_page) const {
    const auto origin = request.find("origin");
    if (origin && !is_allowed_origin(*origin, request.authority(), request.secure())) {
        return forbidden("This web page may not use the server. See --cors-origin.");
    }
    // HTTP/1.0 requests may lack a Host header; browsers always send one.
    if (is_page && !request.authority().empty() && !is_trusted_host(request.authority())) {
        return forbidden("The server is not known by this name. See --host-name.");
    }
    return std::nullopt;
}

}  // namespace riacho::server
