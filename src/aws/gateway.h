// Gateway: the path of every AWS request from the HTTP server to an operation and back, in one list of steps.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "aws/call.h"
#include "aws/replies.h"
#include "core/fwd.h"
#include "http/handler.h"
#include "http/message.h"

namespace riacho::aws {

class Authenticator;
class OpContext;
struct CallLine;

// A service of the gateway. `state` is passed to its operations.
struct ServiceEntry {
    const ServiceModel* model = nullptr;
    void* state = nullptr;
    std::vector<OperationEntry> operations;
    // False: the operator has switched the service off; every call gets an error that states so.
    bool runs = true;
};

// Owned by the node, which keeps all objects it refers to alive; called on every core.
class Gateway final : public http::Handler {
public:
    Gateway(const Authenticator& authenticator, core::Clock& clock, core::Rng& rng);
    ~Gateway();

    // Must be called before the first request.
    void add_service(ServiceEntry service);
    // Called for each call that was answered with ResourceNotFoundException, with the name it asked for (which may be
    // empty); on its core. Set before the first request.
    void on_not_found(std::function<void(const OpContext&, std::string_view name)> callback);
    // Writes the calls by operation and outcome, and their durations.
    void collect(core::MetricsWriter& writer) const;

    // Uploads are checked here, before the first byte of their body.
    http::BodyPlan on_head(const http::Request& request) override;
    Task<http::Response> handle(http::Request& request) override;
    // AWS: ServiceUnavailable, which every SDK retries.
    http::Response overloaded(const http::Request& request) override;

    // Frees the documents that the calling core keeps for later requests.
    static void release_idle_memory();

private:
    struct Route;
    struct Accepted;

    // The operation named by X-Amz-Target; null when there is none.
    [[nodiscard]] Route* find_target(std::string_view target) const;
    // The operation of the request's method and path; null when there is none, or when the request has X-Amz-Target.
    [[nodiscard]] Route* find_path(const http::Request& request) const;
    void accept(http::Request& request, std::optional<Accepted>& accepted, http::Response& response, CallLine& line);
    // route: the operation of X-Amz-Target; null when there is none.
    void accept_json(http::Request& request, wire::Format format, Route* route, std::optional<Accepted>& accepted,
                     http::Response& response, CallLine& line);
    void accept_rest(http::Request& request, Route& route, std::optional<Accepted>& accepted, http::Response& response,
                     CallLine& line);
    bool is_supported(Accepted& accepted, http::Response& response, CallLine& line) const;
    void finish(Accepted& accepted, http::Response& response, CallLine& line) const;
    void refuse(Route& route, http::Response& response, const ApiError& error, Envelope envelope, CallLine& line) const;

    const Authenticator& authenticator_;
    core::Clock& clock_;
    core::Rng& rng_;
    struct Table;
    std::unique_ptr<Table> table_;
};

}  // namespace riacho::aws
