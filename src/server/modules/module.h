// Module: the interface between the node and a service in it.
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

// Constructed, started, stopped and destroyed on the main thread, in this order. The constructor registers metrics and
// starts no work; the Parts are in the state that recovery left, and outlive the module.
class Module {
public:
    virtual ~Module() = default;

    // The gateway's entries, one for each model; valid as long as the module lives.
    virtual std::vector<aws::ServiceEntry> entries() = 0;
    // Adds routes besides the API's: pages, playback. Called before the first request.
    virtual void add_routes(http::Mux&) {}
    // Folders of such routes that any web page may read (Router::Pages::open_folders); empty: none.
    [[nodiscard]] virtual std::string_view open_folder() const { return {}; }
    // Calls of the command line below /_riacho/, with a path that begins with the service's name: "firehose/flush".
    // body: lines of name=value. Nothing: the call is not this module's.
    virtual std::optional<Task<http::Response>> administer(core::Core&, std::string_view /*path*/,
                                                           std::string_view /*body*/);

    // Called with the changes of each publish of the catalog (Catalog::on_publish), on the publishing thread, from
    // construction to destruction; must not block.
    virtual void on_publish(const catalog::Feed&) {}

    // The server listens: starts the workers.
    virtual void start() {}
    // Ends calls that only wait, before the HTTP server waits for all calls, and begins no new waits.
    virtual void end_waits() {}
    // Ends the workers; no call is in progress any more. The log and the catalog are still open. Idempotent.
    virtual void stop() {}
};

}  // namespace riacho::server
