#include "server/router.h"

#include "base/digest.h"
#include "core/task.h"

namespace riacho::server {
namespace {

constexpr std::string_view admin_prefix = "/_riacho/";

http::Response page(int status, std::string_view content_type, std::string_view body) {
    http::Response response;
    response.status = status;
    response.headers.add("content-type", content_type);
    response.headers.add("cache-control", "no-store");
    response.body.append(body);
    return response;
}

Task<http::Response> ready(http::Response response) { co_return response; }

}  // namespace

Task<http::Response> Router::handle(http::Request& request) {
    // A GET is never an AWS call here, so riacho's own pages cannot shadow one (AWS ignores the path of a POST).
    if (request.method() == "GET" || request.method() == "HEAD") {
        if (request.path() == "/health") {
            const auto [text, able] = pages_.health();
            return ready(page(able ? 200 : 503, "application/json", text));
        }
        if (request.path() == "/health/ready") {
            const auto [text, able] = pages_.ready();
            return ready(page(able ? 200 : 503, "application/json", text));
        }
        if (request.path() == "/health/live") return ready(page(200, "application/json", pages_.live()));
        if (request.path() == "/metrics") {
            return ready(page(200, "text/plain; version=0.0.4; charset=utf-8", pages_.metrics()));
        }
    }
    if (request.method() == "POST" && request.path().starts_with(admin_prefix)) return administer(request);
    return gateway_.handle(request);
}

Task<http::Response> Router::administer(http::Request& request) {
    const auto given = request.find("authorization");
    if (!given || !equal_constant_time(*given, "Bearer " + pages_.admin_token)) {
        co_return page(403, "application/json", R"({"error":"the token is missing or wrong"})");
    }
    co_return co_await pages_.admin(request.core(), request.path().substr(admin_prefix.size()), request.body());
}

}  // namespace riacho::server
