// Absolute http:// and https:// URLs, for the outbound client and for settings that name endpoints.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace riacho::http {

struct Url {
    bool secure = false;     // https
    std::string host;        // in lower case; an IPv6 address without its brackets
    std::uint16_t port = 0;  // 80 or 443 where the text has no port
    std::string target;      // path and query as written, still percent-encoded; begins with '/'
    std::string user_info;   // as written, before '@'; empty without one

    // The value of the Host header, which is also the signed value: without the port where it is the scheme's default.
    [[nodiscard]] std::string authority() const;
    // "host:port", always with the port; an IPv6 address in brackets.
    [[nodiscard]] std::string host_and_port() const;
};

// The error is a sentence that quotes the text. A fragment is dropped. Spaces, control characters and bytes above 0x7E
// are refused, because a URL is sent as it was written.
Expected<Url, std::string> parse_url(std::string_view text);

}  // namespace riacho::http
