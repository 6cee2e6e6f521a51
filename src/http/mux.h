// Mux: selects the handler of a request by its method and path.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "http/handler.h"
#include "http/message.h"

namespace riacho::http {

// Filled before the server listens, constant afterwards, so it can be called on every core. Handlers outlive it.
//
// An exact path takes precedence over a prefix, a longer prefix over a shorter one. A path that is registered only for
// other methods goes to the fallback too, which chooses the response. Paths are compared as sent, percent-encoded.
class Mux final : public Handler {
public:
    explicit Mux(Handler& fallback) : fallback_(fallback) {}

    // A handler for GET also answers HEAD: the server leaves out the body.
    void add_exact(std::string_view method, std::string_view path, Handler& handler);
    // Matches every path that begins with the prefix; a prefix that ends with '/' matches only paths below that folder.
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
    std::vector<Route> prefix_;  // longest first
    Handler& fallback_;
};

}  // namespace riacho::http
