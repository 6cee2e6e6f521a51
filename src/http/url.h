// Absolute http:// and https:// URLs, as the outbound client and the settings that name endpoints take them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace riacho::http {

struct Url {
    bool secure = false;     // https
    std::string host;        // in lower case; an IPv6 address without its brackets
    std::uint16_t port = 0;  // 80 or 443 where the text names none
    std::string target;      // path and query as written, still percent-encoded; begins with '/'
    std::string user_info;   // as written, before '@'; empty without one

    // What belongs into the Host header, and is therefore what is signed: without the port where it is the scheme's
    // own.
    [[nodiscard]] std::string authority() const;
    // "host:port", always with the port; an IPv6 address has brackets.
    [[nodiscard]] std::string host_and_port() const;
};

// The error is a sentence that names the text. A fragment is dropped. Spaces, control characters and bytes above 0x7E
// are refused: a URL is sent as it was written.
Expected<Url, std::string> parse_url(std::string_view text);

}  // namespace riacho::http
