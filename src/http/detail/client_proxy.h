// Selects the proxy of a URL.
#pragma once

#include <optional>
#include <string>

#include "base/result.h"
#include "http/client.h"
#include "http/url.h"

namespace riacho::http::detail {

struct Proxy {
    std::string host;
    std::uint16_t port = 0;
    std::string authorization;  // the value of Proxy-Authorization; empty without a user name
};

// Nothing if the host is called directly. The error is a sentence about an invalid proxy setting.
Expected<std::optional<Proxy>, std::string> choose_proxy(const ProxyOptions& options, const Url& url);

}  // namespace riacho::http::detail
