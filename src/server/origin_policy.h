// OriginPolicy: the web pages that may use the server, and the host names under which it may be called. A browser lets
// every page send requests to any address, so a server on the loopback interface without authentication is open to
// every page its user visits, unless the server checks the Origin and Host headers.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "http/message.h"

namespace riacho::server {

// Thread-safe.
class OriginPolicy {
public:
    // origins: "https://app.example.com", with the port unless it is the scheme's default; "*" for every page. hosts:
    // names with a dot under which the server may be called.
    OriginPolicy(std::vector<std::string> origins, const std::vector<std::string>& hosts);

    // The answer (403, without CORS headers) to a request that must not be served.
    //
    // A request with an Origin comes from a web page: it is served if the page is the server's own, on a loopback host,
    // or listed in `origins`. A page counts as the server's own only under a host that is_trusted_host(): if an
    // attacker points a name at 127.0.0.1 (DNS rebinding), a browser treats the attacker's page as one of the server's.
    // Requests for one of riacho's pages (`is_page`) must have a trusted host even without an Origin, because browsers
    // send no Origin when a page reads from its own origin. Programs send no Origin, and may call the API under any
    // name.
    [[nodiscard]] std::optional<http::Response> refuse(const http::Request& request, bool is_page) const;

    // Whether the host name cannot be defined by an attacker's DNS: an address, localhost, a name without a dot, or one
    // of `hosts`. authority: a Host header, with or without a port.
    [[nodiscard]] bool is_trusted_host(std::string_view authority) const;
    // authority: the value of the request's Host header.
    [[nodiscard]] bool is_allowed_origin(std::string_view origin, std::string_view authority, bool secure) const;

private:
    std::vector<std::string> origins_;
    std::vector<std::string> hosts_;
    bool any_origin_ = false;
};

// Whether a text is an origin in the form that browsers send: scheme, host, and port unless it is the scheme's default.
bool is_origin(std::string_view text);

}  // namespace riacho::server
