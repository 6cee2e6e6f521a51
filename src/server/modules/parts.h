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

// Owned by the node; every member outlives the modules.
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
    core::WorkPool& files;        // for work that blocks on files outside the log
    core::WorkPool& compute;      // for work that computes for more than a millisecond, too long for a core
    std::size_t event_bytes_max;  // part of MemoryUse::subscriptions for the event cache
    // Data Streams, for services that read or write streams; null while the module of Data Streams is constructed.
    ports::StreamDirectory* streams = nullptr;
    // Delivery streams, for services that write to them; null while the module of Firehose is constructed, and when it
    // does not run.
    ports::StreamDirectory* delivery_streams = nullptr;
};

}  // namespace riacho::server
