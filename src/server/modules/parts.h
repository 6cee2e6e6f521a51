// The parts of a node that its services share.
#pragma once

#include <cstddef>

#include "catalog/fwd.h"
#include "core/fwd.h"
#include "log/fwd.h"
#include "server/config.h"

namespace riacho::aws {
class TokenSealer;
}
namespace riacho::log {
class Directory;
}
namespace riacho::ports {
class StreamDirectory;
}

namespace riacho::server {

// Owned by the node; all of it outlives every module.
struct Parts {
    const Config& config;
    core::Runtime& runtime;
    core::Clock& clock;          // node time
    core::Clock& machine_clock;  // for signatures
    const log::Directory& directory;
    core::Rng& rng;
    core::Metrics& metrics;
    catalog::Catalog& catalog;
    log::RecordLog& log;
    log::CommandLog& commands;
    const catalog::Keyring& keyring;
    const aws::TokenSealer& tokens;
    core::MemoryBudget& memory;
    core::WorkPool& files;        // for what blocks on files outside the log
    core::WorkPool& compute;      // for what computes for longer than a core may: a millisecond
    std::size_t event_bytes_max;  // of MemoryUse::subscriptions, for the cache of events
    // Data Streams for the services that follow streams or write to them; null while Data Streams itself is made.
    ports::StreamDirectory* streams = nullptr;
    // Delivery streams, which are written to; null while Firehose itself is made, and when it does not run.
    ports::StreamDirectory* delivery_streams = nullptr;
};

}  // namespace riacho::server
