// Gateway: every AWS request's way from the HTTP server to an operation and back, one visible list of steps.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "aws/call.h"
#include "core/fwd.h"
#include "http/message.h"

namespace riacho::aws {

class Authenticator;

// A service as the gateway sees it. `state` is handed to the operations.
struct ServiceEntry {
    std::string_view target_prefix;  // "Kinesis_20131202"
    std::string_view signing_name;   // "kinesis"
    void* state = nullptr;
    std::vector<OperationEntry> operations;
};

// Owned by the node, which keeps everything it refers to alive; called on every core.
class Gateway final : public http::Handler {
public:
    Gateway(const Authenticator& authenticator, core::Clock& clock, core::Rng& rng);
    ~Gateway();

    // Before the first request.
    void add_service(ServiceEntry service);
    // Calls by operation and outcome, and their durations.
    void collect(core::MetricsWriter& writer) const;

    Task<http::Response> handle(http::Request& request) override;

private:
    struct Route;

    // The operation X-Amz-Target names; null when there is none.
    [[nodiscard]] Route* find(std::string_view target) const;
    // Fills the response of a request that got as far as having a readable body.
    Task<void> run(http::Request& request, wire::Format format, http::Response& response);

    const Authenticator& authenticator_;
    core::Clock& clock_;
    core::Rng& rng_;
    struct Table;
    std::unique_ptr<Table> table_;
};

}  // namespace riacho::aws
