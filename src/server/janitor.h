// Janitor: what has to happen by itself in time. Streams whose DELETING is over are purged, and reshards take place
// when UPDATING is over.
#pragma once

#include <cstdint>
#include <memory>

#include "catalog/fwd.h"
#include "core/fwd.h"
#include "core/task_fwd.h"
#include "log/fwd.h"

namespace riacho::streams {
class Queues;
class StreamMetrics;
}  // namespace riacho::streams

namespace riacho::server {

// One coroutine on one core, from start() to stop(). What it is given outlives it.
class Janitor {
public:
    Janitor(core::Core& core, core::Clock& clock, catalog::Catalog& catalog, log::RecordLog& log,
            log::CommandLog& commands, streams::StreamMetrics& metrics, streams::Queues& queues,
            std::int64_t transition_ms);
    ~Janitor();

    void start();
    // Something was published: look soon. Thread-safe, does not block.
    void notify();
    // Blocks until the coroutine has ended; not to be called on its core.
    void stop();

private:
    struct Impl;
    std::shared_ptr<Impl> impl_;
};

}  // namespace riacho::server
