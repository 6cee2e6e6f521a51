// A service in a node, as the node sees it.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "aws/gateway.h"
#include "catalog/fwd.h"
#include "core/fwd.h"
#include "core/task_fwd.h"
#include "http/fwd.h"

namespace riacho::server {

// Made, started, stopped and destroyed on the main thread, in this order. The constructor registers metrics and starts
// nothing; the Parts it is given are as recovery left them and outlive it.
class Module {
public:
    virtual ~Module() = default;

    // What the gateway calls, one entry for each model; as long as the module lives.
    virtual std::vector<aws::ServiceEntry> entries() = 0;
    // Routes besides the API's: pages, playback. Before the first request.
    virtual void add_routes(http::Mux&) {}
    // Folders of such routes that any web page may read (Router::Pages::open_folders); empty: none.
    [[nodiscard]] virtual std::string_view open_folder() const { return {}; }
    // Calls of the command line below /_riacho/, with a path that begins with the service's name: "firehose/flush".
    // body: lines of name=value. Nothing: the call is not this module's.
    virtual std::optional<Task<http::Response>> administer(core::Core&, std::string_view /*path*/,
                                                           std::string_view /*body*/);

    // What a publish of the catalog has changed (Catalog::on_publish). On the publishing thread, from construction to
    // destruction; must not block.
    virtual void on_publish(const catalog::Feed&) {}

    // The server listens; workers begin.
    virtual void start() {}
    // Ends calls that only wait, before the HTTP server waits for calls. No new work is begun.
    virtual void end_waits() {}
    // Ends the workers; no call is under way any more. The log and the catalog are still open. Idempotent.
    virtual void stop() {}
};

}  // namespace riacho::server
