// The dependencies of the pipelines of delivery streams: all sources of time, chance and failure, so that tests can run
// pipelines on one thread.
#pragma once

#include <functional>
#include <memory>
#include <string_view>
#include <vector>

#include "catalog/fwd.h"
#include "core/fwd.h"
#include "firehose/own_source.h"
#include "log/fwd.h"

namespace riacho::catalog {
class DataKeys;
}
namespace riacho::ports {
class ObjectStore;
class StreamDirectory;
}  // namespace riacho::ports

namespace riacho::firehose {

class Metrics;
struct Plan;

// An error for the operator (firehose spec 16.2).
struct ErrorLine {
    std::string_view code;  // "S3.NoSuchBucket"
    std::string_view message;
};
using ErrorSink = std::function<void(const Plan&, const ErrorLine&)>;

// All of them outlive the pipelines and are thread-safe.
struct Needs {
    SnapshotSource snapshot;
    log::RecordLog& log;
    log::CommandLog& commands;
    core::Clock& clock;
    core::Rng& rng;
    const catalog::DataKeys& data_keys;
    ports::StreamDirectory& streams;
    ports::ObjectStore& store;
    core::MemoryBudget& memory;  // MemoryUse::deliveries
    core::WorkPool* cpu;         // for compression; null: on the core, in tests
    Metrics& metrics;
    ErrorSink errors;
    std::vector<core::Core*> cores;  // each delivery stream is assigned to one of them
    // Whether cores run due work by timers; otherwise a test calls Deliveries::run_due().
    bool has_timers = true;
};

}  // namespace riacho::firehose
