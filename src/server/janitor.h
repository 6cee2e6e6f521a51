// Janitor: submits the commands that time makes due. Streams and objects whose DELETING is over are purged, reshards
// take place when UPDATING is over, on-demand streams are scaled, closed shards are forgotten when their records have
// expired.
#pragma once

#include <cstdint>
#include <memory>

#include "catalog/catalog.h"
#include "core/fwd.h"
#include "core/task_fwd.h"
#include "log/fwd.h"

namespace riacho::streams {
class Queues;
class StreamMetrics;
}  // namespace riacho::streams

namespace riacho::server {

// One coroutine on one core, from start() to stop(). It looks at everything once, and then only at what the catalog's
// feed names or whose time has come. What it is given outlives it.
class Janitor {
public:
    Janitor(core::Core& core, core::Clock& clock, catalog::Catalog& catalog, log::RecordLog& log,
            log::CommandLog& commands, streams::StreamMetrics& metrics, streams::Queues& queues,
            std::int64_t transition_ms);
    ~Janitor();

    void start();
    // For Catalog::on_publish. Thread-safe, does not block.
    void notify(const catalog::Feed& feed);
    // Blocks until the coroutine has ended; not to be called on its core.
    void stop();

private:
    struct Impl;
    std::shared_ptr<Impl> impl_;
};

}  // namespace riacho::server
