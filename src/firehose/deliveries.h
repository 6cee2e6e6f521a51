// Deliveries: the pipelines of all delivery streams of a node.
//
// A record that was accepted is in the delivery stream's own shard, or in the stream it reads. A pipeline counts what
// comes, and when a batch is full or has waited long enough, makes a row durable that says which records are in it;
// then it reads them again, makes the file, and stores it under a name that follows from the row alone. Positions move
// when the file is stored. Whatever happens in between is done again after a restart, under the same name.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "base/result.h"
#include "catalog/fwd.h"
#include "core/fwd.h"
#include "core/task_fwd.h"
#include "firehose/host_health.h"
#include "firehose/needs.h"

namespace riacho::firehose {

// What became of a flush.
struct FlushReport {
    std::uint64_t undelivered = 0;  // batches that could not be delivered yet
};
enum class FlushFault : std::uint8_t {
    no_stream,  // none of that uid is at work here
    timeout     // something is still on its way
};

// Owned by the node. Every delivery stream lives on one core, which follows from its uid.
class Deliveries {
public:
    explicit Deliveries(Needs needs);
    // stop() was called.
    ~Deliveries();

    // Takes up every delivery stream of the catalog.
    void start();
    // For what the catalog publishes. Thread-safe, does not block.
    void on_publish(const catalog::Feed& feed);
    // Delivers what was accepted before the call, without waiting for hints; for at most wait_ms. On any core.
    Task<Expected<FlushReport, FlushFault>> flush(core::Core& core, std::uint64_t stream_uid, std::int64_t wait_ms);

    // Nothing is begun any more, and what is under way ends. begin_stop() does not block; stop() does, and is not for
    // the cores. Both idempotent.
    void begin_stop();
    void stop();

    // Without timers (Needs::has_timers): calls what is due on every core, whose work the test then polls.
    void run_due();

    [[nodiscard]] const HostHealth& health() const;

private:
    struct Impl;
    std::shared_ptr<Impl> impl_;
};

}  // namespace riacho::firehose
