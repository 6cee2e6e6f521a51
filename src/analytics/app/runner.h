// Runner: runs the applications of a node as the catalog says. What is STARTING it starts and makes RUNNING, what is
// STOPPING it stops and makes READY, and so on; after a start of the node it goes on with what was under way.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "analytics/app/application.h"
#include "core/fwd.h"
#include "core/task_fwd.h"

namespace riacho::analytics {

// Owned by the composition root. Every application has a home among the cores.
class Runner {
public:
    explicit Runner(const Host& host);
    ~Runner();
    Runner(const Runner&) = delete;
    Runner& operator=(const Runner&) = delete;

    // Takes up what the catalog says is under way.
    void start();
    // The application has changed. Thread-safe, does not block.
    void notify(std::uint64_t uid);
    // Ends everything, each with a last checkpoint; blocks. Not on a core. Idempotent.
    void stop();

    // Called on `core`. Not known when the application does not run.
    Task<Peeked> peek(core::Core& core, std::uint64_t uid, std::string stream);

    void collect(core::MetricsWriter& writer) const;

private:
    struct Impl;
    const std::shared_ptr<Impl> impl_;
};

}  // namespace riacho::analytics
