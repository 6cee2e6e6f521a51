// Janitor: submits the commands that become due with time. Deleted streams and objects are purged when DELETING is
// over, reshards take place when UPDATING is over, on-demand streams are scaled, and closed shards are forgotten when
// their records have expired.
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

// One coroutine on one core, from start() to stop(). It looks at every stream and object once, and then only at those
// that the catalog's feed names or whose wake-up time has come. The constructor's arguments outlive it.
class Janitor {
public:
    Janitor(core::Core& core, core::Clock& clock, catalog::Catalog& catalog, log::RecordLog& log,
            log::CommandLog& commands, streams::StreamMetrics& metrics, streams::Queues& queues,
            std::int64_t transition_ms);
    ~Janitor();

    void start();
    // The callback for Catalog::on_publish. Thread-safe, does not block.
    void notify(const catalog::Feed& feed);
    // Blocks until the coroutine has ended; must not be called on its core.
    void stop();

private:
    struct Impl;
    std::shared_ptr<Impl> impl_;
};

}  // namespace riacho::server
