// The page that a browser shows at "/": what this server is and what to do next, in English or Portuguese.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/task_fwd.h"
#include "http/handler.h"
#include "http/message.h"

namespace riacho::server {

struct WelcomeOptions {
    std::string region;       // in the page's commands
    bool needs_keys = false;  // signatures are verified, so clients need keys of this server
};

enum class PageLanguage : std::uint8_t { english, portuguese };

// Whether an Accept header names text/html, as those of browsers do: "*/*", which programs send, is not enough.
bool accepts_html(std::string_view accept);

// The language that an Accept-Language header prefers (RFC 9110, section 12.5.4); English if it names neither.
PageLanguage preferred_language(std::string_view accept_language);

// Answers GET and HEAD of "/" with the page if a browser asks, and passes everything else to `gateway`: what bears a
// signature, in headers or in the query, what names an operation, and what does not accept HTML. The page has no
// scripts and loads nothing. Called on every core.
class Welcome final : public http::Handler {
public:
    Welcome(http::Handler& gateway, WelcomeOptions options) : gateway_(gateway), options_(std::move(options)) {}

    http::BodyPlan on_head(const http::Request& request) override { return gateway_.on_head(request); }
    Task<http::Response> handle(http::Request& request) override;

private:
    http::Handler& gateway_;
    WelcomeOptions options_;
};

}  // namespace riacho::server
