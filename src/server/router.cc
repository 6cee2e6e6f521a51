#include "server/router.h"

#include <algorithm>

#include "base/digest.h"
#include "core/task.h"
#include "http/mux.h"

namespace riacho::server {
namespace {

constexpr std::string_view admin_prefix = "/_riacho/";
constexpr std::string_view json = "application/json";
constexpr std::string_view plain_text = "text/plain; charset=utf-8";

http::Response page(int status, std::string_view content_type, std::string_view body) {
    http::Response response;
    response.status = status;
    response.headers.add("content-type", content_type);
    response.headers.add("cache-control", "no-store");
    response.body.append(body);
    return response;
}

// A page whose content is made for each request.
class Page final : public http::Handler {
public:
    explicit Page(std::function<http::Response()> make) : make_(std::move(make)) {}
    Task<http::Response> handle(http::Request&) override { co_return make_(); }

private:
    std::function<http::Response()> make_;
};

std::function<http::Response()> status_page(std::function<std::pair<std::string, bool>()> status) {
    return [status = std::move(status)] {
        const auto [text, able] = status();
        return page(able ? 200 : 503, json, text);
    };
}

// Calls of the command line, authenticated by the token from the data directory.
class Administration final : public http::Handler {
public:
    Administration(decltype(Router::Pages::admin) answer, const std::string& token)
        : answer_(std::move(answer)), authorization_("Bearer " + token) {}
    Task<http::Response> handle(http::Request& request) override {
        const auto given = request.find("authorization");
        if (!given || !equal_constant_time(*given, authorization_)) {
            co_return page(403, json, R"({"error":"the token is missing or wrong"})");
        }
        co_return co_await answer_(request.core(), request.path().substr(admin_prefix.size()), request.body());
    }

private:
    decltype(Router::Pages::admin) answer_;
    std::string authorization_;
};

}  // namespace

struct Router::Routes {
    Routes(http::Handler& gateway, Pages pages)
        : health(status_page(std::move(pages.health))),
          ready(status_page(std::move(pages.ready))),
          live([make = std::move(pages.live)] { return page(200, json, make()); }),
          metrics([make = std::move(pages.metrics)] {
              return page(200, "text/plain; version=0.0.4; charset=utf-8", make());
          }),
          welcome(gateway, std::move(pages.welcome)),
          elsewhere(
              [] { return page(404, plain_text, "Metrics have a port of their own here: see --metrics-listen.\n"); }),
          nothing([] {
              return page(404, plain_text, "This port serves /metrics, /health, /health/ready and /health/live.\n");
          }),
          admin(std::move(pages.admin), pages.admin_token),
          mux(gateway),
          metrics_mux(nothing) {
        // AWS calls with the method GET do not exist here, so riacho's own pages cannot shadow one (AWS ignores the
        // path of a POST). What else is asked of "/" goes on to the gateway.
        mux.add_exact("GET", "/", welcome);
        for (http::Mux* each : {&mux, &metrics_mux}) {
            each->add_exact("GET", "/health", health);
            each->add_exact("GET", "/health/ready", ready);
            each->add_exact("GET", "/health/live", live);
        }
        mux.add_exact("GET", "/metrics", pages.metrics_apart ? elsewhere : metrics);
        metrics_mux.add_exact("GET", "/metrics", metrics);
        mux.add_prefix("POST", admin_prefix, admin);
        if (pages.add_routes) pages.add_routes(mux);
    }

    Page health, ready, live, metrics;
    Welcome welcome;
    Page elsewhere, nothing;
    Administration admin;
    http::Mux mux;
    http::Mux metrics_mux;
};

// Web pages may not read it, as on the main port.
class Router::MetricsPort final : public http::Handler {
public:
    MetricsPort(http::Mux& mux, const OriginPolicy& origins) : mux_(mux), origins_(origins) {}
    http::BodyPlan on_head(const http::Request& request) override {
        http::BodyPlan plan;
        plan.answer = origins_.refuse(request, true);
        return plan;
    }
    Task<http::Response> handle(http::Request& request) override { return mux_.handle(request); }

private:
    http::Mux& mux_;
    const OriginPolicy& origins_;
};

Router::Router(http::Handler& gateway, Pages pages, OriginPolicy origins)
    : gateway_(gateway),
      origins_(std::move(origins)),
      open_folders_(std::move(pages.open_folders)),
      routes_(std::make_unique<Routes>(gateway, std::move(pages))),
      metrics_port_(std::make_unique<MetricsPort>(routes_->metrics_mux, origins_)) {}

Router::~Router() = default;

http::BodyPlan Router::on_head(const http::Request& request) {
    const bool reads = request.method() == "GET" || request.method() == "HEAD";
    const auto holds = [&](std::string_view folder) { return request.path().starts_with(folder); };
    if (std::ranges::any_of(open_folders_, holds)) return gateway_.on_head(request);
    const bool is_page = reads || request.path().starts_with(admin_prefix);
    auto refusal = origins_.refuse(request, is_page);
    if (!refusal) return gateway_.on_head(request);
    http::BodyPlan plan;
    plan.answer = std::move(refusal);
    return plan;
}

http::Handler& Router::metrics_port() { return *metrics_port_; }

http::Response Router::overloaded(const http::Request& request) { return gateway_.overloaded(request); }

Task<http::Response> Router::handle(http::Request& request) {
    // Fast path of nearly every call, without the search for a page.
    if (request.path() == "/" && request.method() == "POST") return gateway_.handle(request);
    return routes_->mux.handle(request);
}

}  // namespace riacho::server
