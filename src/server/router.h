// Router: the handler of the HTTP server: riacho's own pages, and the AWS gateway for all other requests.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/fwd.h"
#include "http/fwd.h"
#include "http/handler.h"
#include "http/message.h"
#include "server/origin_policy.h"
#include "server/welcome.h"

namespace riacho::server {

// GET /health, /health/live, /health/ready and /metrics, and of / for browsers; POST below /_riacho/ for the command
// line, with the token from the data directory. Created and destroyed by the node; called on every core.
class Router final : public http::Handler {
public:
    struct Pages {
        // JSON text, and whether the node can take writes.
        std::function<std::pair<std::string, bool>()> health;
        // JSON text, and whether requests should be sent to the node.
        std::function<std::pair<std::string, bool>()> ready;
        std::function<std::string()> live;  // JSON text
        std::function<std::string()> metrics;
        WelcomeOptions welcome;
        bool metrics_apart = false;  // /metrics is served by metrics_port() alone
        // Answers an administrative call: path after "/_riacho/", body; JSON out.
        std::function<Task<http::Response>(core::Core&, std::string_view path, std::string_view body)> admin;
        std::string admin_token;
        std::function<void(http::Mux&)> add_routes;  // of the services; may be empty
        // Any web page may read the paths below them: addresses there contain a token that is the permission.
        std::vector<std::string_view> open_folders;
    };

    Router(http::Handler& gateway, Pages pages, OriginPolicy origins);
    ~Router();

    // Web pages that may not use the server are refused, but below Pages::open_folders; the gateway's rules of
    // admission hold for every path.
    http::BodyPlan on_head(const http::Request& request) override;
    http::Response overloaded(const http::Request& request) override;
    Task<http::Response> handle(http::Request& request) override;

    // The handler of a port that serves /metrics and the pages of /health, and nothing else.
    http::Handler& metrics_port();

private:
    struct Routes;
    class MetricsPort;

    http::Handler& gateway_;
    OriginPolicy origins_;
    std::vector<std::string_view> open_folders_;
    std::unique_ptr<Routes> routes_;
    std::unique_ptr<MetricsPort> metrics_port_;
};

}  // namespace riacho::server
