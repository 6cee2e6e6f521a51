// The content of /health and of the log's and the HTTP server's metrics, and the check that log and catalog agree.
#pragma once

#include <span>
#include <string>
#include <utility>

#include "catalog/fwd.h"
#include "core/fwd.h"
#include "core/node_clock.h"
#include "http/fwd.h"
#include "log/local_log.h"
#include "server/config.h"
#include "server/node.h"

namespace riacho::server {

// JSON, and whether the node takes writes.
std::pair<std::string, bool> health_page(const log::Stats& stats, const core::NodeClock::Stats& clock,
                                         const Config& config);

// The parts of a node that must work before requests are sent to it.
struct Readiness {
    log::StoreState log = log::StoreState::ok;
    bool catalog_failed = false;
    bool is_stopping = false;
};
// JSON that names each part, and whether all of them are ready.
std::pair<std::string, bool> readiness_page(const Readiness& readiness);
// JSON. A process that answers is alive.
std::string liveness_page();

void collect_log(const log::LocalLog& log, core::MetricsWriter& writer);
void collect_pools(std::span<const core::WorkPool* const> pools, core::MetricsWriter& writer);
void collect_clock(const core::NodeClock& clock, core::MetricsWriter& writer);
void collect_http(const http::ServerStats& stats, core::MetricsWriter& writer);
// limit: the process's memory limit in bytes.
void collect_memory(const core::MemoryBudget& budget, std::size_t limit, core::MetricsWriter& writer);

// Every shard in the catalog must exist in the log, and no other shard: a lost or foreign catalog is detected at start,
// not when records are missed.
Expected<void, StartError> check_shards_agree(const catalog::Catalog& catalog, const log::LocalLog& log,
                                              const std::string& directory);

}  // namespace riacho::server
