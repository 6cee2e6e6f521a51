// Deliveries: the pipelines of all delivery streams of a node.
//
// Accepted records are in the delivery stream's own shard, or in its source stream. A pipeline counts arriving records.
// When a batch is full or its interval is over, a row with the ranges of its records becomes durable; then the records
// are read again, and their file is made and stored under a name that depends on the row alone. Positions move when the
// file is stored. After a restart every unfinished step is repeated, under the same name.
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

// The result of a flush.
struct FlushReport {
    std::uint64_t undelivered = 0;  // batches that could not be delivered yet
};
enum class FlushFault : std::uint8_t {
    no_stream,  // no pipeline runs for that uid
    timeout     // some records are not delivered yet
};

// Owned by the node. Every delivery stream is assigned to one core by its uid.
class Deliveries {
public:
    explicit Deliveries(Needs needs);
    // After stop().
    ~Deliveries();

    // Starts the pipeline of every delivery stream in the catalog.
    void start();
    // Called with every published change of the catalog. Thread-safe, does not block.
    void on_publish(const catalog::Feed& feed);
    // Delivers all records that were accepted before the call, without waiting for buffering hints; for at most
    // wait_ms. On any core.
    Task<Expected<FlushReport, FlushFault>> flush(core::Core& core, std::uint64_t stream_uid, std::int64_t wait_ms);

    // No new work is started, and running work ends. begin_stop() does not block; stop() does, and is not for the
    // cores. Both idempotent.
    void begin_stop();
    void stop();

    // For tests without timers (Needs::has_timers): runs the due timers of every core; the test polls the cores.
    void run_due();

    [[nodiscard]] const HostHealth& health() const;

private:
    struct Impl;
    std::shared_ptr<Impl> impl_;
};

}  // namespace riacho::firehose
