// What the pipelines of delivery streams are built on. Every source of time, chance and failure is among it, so that
// all of it can run on one thread in a test.
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

// Something that an operator wants to know (firehose spec 16.2).
struct ErrorLine {
    std::string_view code;  // "S3.NoSuchBucket"
    std::string_view message;
};
using ErrorSink = std::function<void(const Plan&, const ErrorLine&)>;

// All of it outlives the pipelines and is thread-safe.
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
    std::vector<core::Core*> cores;  // a delivery stream lives on one of them
    // Whether times that come are seen by timers of the cores; a test calls Deliveries::run_due() instead.
    bool has_timers = true;
};

}  // namespace riacho::firehose
