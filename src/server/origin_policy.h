// Which web pages may use the server, and under which names it may be asked for. A browser lets every page send
// requests to any address, so a server on the loopback interface that asks for no credentials is open to each page its
// user visits unless it looks at what browsers say about the page.
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
    // origins: "https://app.example.com", with the port unless it is the scheme's own; "*" for every page. hosts: names
    // with a dot under which the server is known.
    OriginPolicy(std::vector<std::string> origins, const std::vector<std::string>& hosts);

    // The answer (403, without CORS headers) to a request that must not be served.
    //
    // A request with an Origin is a web page's: it is served if the page is the server's own, on a loopback host, or
    // named in `origins`. The server's own pages count only under a host that is_trusted_host(): under a name that its
    // owner points at 127.0.0.1 (DNS rebinding) each page of theirs is the server's own to a browser. Requests to read
    // one of riacho's pages (`is_page`) must come under such a host even without an Origin, which browsers leave out
    // when a page reads from its own origin. Programs send no Origin, and may call the API under any name.
    [[nodiscard]] std::optional<http::Response> refuse(const http::Request& request, bool is_page) const;

    // A name that a stranger's DNS cannot have: an address, localhost, one without a dot, or one of `hosts`. authority:
    // a Host header, with or without a port.
    [[nodiscard]] bool is_trusted_host(std::string_view authority) const;
    // authority: of the request, the value of its Host header.
    [[nodiscard]] bool is_allowed_origin(std::string_view origin, std::string_view authority, bool secure) const;

private:
    std::vector<std::string> origins_;
    std::vector<std::string> hosts_;
    bool any_origin_ = false;
};

// Whether a text is an origin as browsers send it: scheme, host, port if it is not the scheme's own; nothing else.
bool is_origin(std::string_view text);

}  // namespace riacho::server
