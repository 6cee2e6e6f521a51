// Runner: runs the applications of a node. Starts STARTING applications and makes them RUNNING, stops STOPPING ones and
// makes them READY, and so on; after a start of the node it continues them.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "analytics/app/application.h"
#include "core/fwd.h"
#include "core/task_fwd.h"

namespace riacho::analytics {

// Owned by the composition root. Every application has a home core.
class Runner {
public:
    explicit Runner(const Host& host);
    ~Runner();
    Runner(const Runner&) = delete;
    Runner& operator=(const Runner&) = delete;

    // Starts the applications that the catalog asks for.
    void start();
    // The application has changed. Thread-safe, does not block.
    void notify(std::uint64_t uid);
    // Stops all applications, each with a last checkpoint; blocks. Not on a core. Idempotent.
    void stop();

    // Called on `core`. Peeked::is_known is false when the application does not run.
    Task<Peeked> peek(core::Core& core, std::uint64_t uid, std::string stream);

    void collect(core::MetricsWriter& writer) const;

private:
    struct Impl;
    const std::shared_ptr<Impl> impl_;
};

}  // namespace riacho::analytics
