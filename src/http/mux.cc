#include "http/mux.h"

#include <algorithm>
#include <tuple>

#include "base/check.h"
#include "core/task.h"

namespace riacho::http {
namespace {

std::string_view routed_method(std::string_view method) { return method == "HEAD" ? "GET" : method; }

}  // namespace

void Mux::add_exact(std::string_view method, std::string_view path, Handler& handler) {
    RIACHO_CHECK(path.starts_with('/') && method != "HEAD");
    const auto before = [](const Route& a, const Route& b) {
        return std::tie(a.path, a.method) < std::tie(b.path, b.method);
    };
    Route route{.method = std::string(method), .path = std::string(path), .handler = &handler};
    const auto at = std::ranges::lower_bound(exact_, route, before);
    RIACHO_CHECK(at == exact_.end() || before(route, *at), "a route is added twice");
    exact_.insert(at, std::move(route));
}

void Mux::add_prefix(std::string_view method, std::string_view prefix, Handler& handler) {
    RIACHO_CHECK(prefix.starts_with('/') && method != "HEAD");
    const auto at = std::ranges::find_if(prefix_, [&](const Route& r) { return r.path.size() < prefix.size(); });
    prefix_.insert(at, Route{.method = std::string(method), .path = std::string(prefix), .handler = &handler});
}

Handler& Mux::find(std::string_view method, std::string_view path) const {
    const std::string_view wanted = routed_method(method);
    const auto first =
        std::ranges::lower_bound(exact_, path, {}, [](const Route& r) { return std::string_view(r.path); });
    for (auto at = first; at != exact_.end() && at->path == path; ++at) {
        if (at->method == wanted) return *at->handler;
    }
    for (const Route& route : prefix_) {
        if (route.method == wanted && path.starts_with(route.path)) return *route.handler;
    }
    return fallback_;
}

Task<Response> Mux::handle(Request& request) { return find(request).handle(request); }

}  // namespace riacho::http
