// Mux: which handler answers a request, by its method and path.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "http/handler.h"
#include "http/message.h"

namespace riacho::http {

// Filled before the server listens, constant afterwards, so called on every core. Handlers outlive it.
//
// An exact path comes before a prefix, a longer prefix before a shorter one. A path that only other methods are known
// for goes to the fallback too, which decides what that means. Paths are compared as they were sent, still
// percent-encoded.
class Mux final : public Handler {
public:
    explicit Mux(Handler& fallback) : fallback_(fallback) {}

    // A handler for GET answers HEAD as well: the server leaves out the body.
    void add_exact(std::string_view method, std::string_view path, Handler& handler);
    // For every path that begins with the prefix; with '/' at its end it matches the paths below a folder only.
    void add_prefix(std::string_view method, std::string_view prefix, Handler& handler);

    BodyPlan on_head(const Request& request) override { return find(request).on_head(request); }
    Task<Response> handle(Request& request) override;
    Response overloaded(const Request& request) override { return find(request).overloaded(request); }

    [[nodiscard]] Handler& find(const Request& request) const { return find(request.method(), request.path()); }
    [[nodiscard]] Handler& find(std::string_view method, std::string_view path) const;

private:
    struct Route {
        std::string method;
        std::string path;
        Handler* handler;
    };

    std::vector<Route> exact_;   // sorted by path, then method
    std::vector<Route> prefix_;  // the longest first
    Handler& fallback_;
};

}  // namespace riacho::http
