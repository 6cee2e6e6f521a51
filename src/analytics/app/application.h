// Application: a running SQL application. Takes records in turns, passes them to the engine, sends the resulting rows,
// and writes checkpoints, so that after a crash no row is missing and no window differs.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "analytics/app/output.h"
#include "analytics/model.h"
#include "catalog/fwd.h"
#include "core/fwd.h"
#include "core/task_fwd.h"
#include "log/fwd.h"
#include "ports/stream_directory.h"

namespace riacho::analytics {

// The node's objects that applications use; all of them outlive applications.
struct Host {
    core::Runtime& runtime;
    catalog::Catalog& catalog;
    log::RecordLog& log;
    log::CommandLog& commands;
    core::Clock& clock;
    core::Rng& rng;
    core::WorkPool& cpu;
    core::MemoryBudget& memory;
    ports::StreamDirectory& streams;
    ports::StreamDirectory* delivery_streams;  // null: Firehose does not run
    std::int64_t transition_delay_ms;
};

// Metrics of an application. Written on its core, read anywhere.
struct ApplicationCounters {
    std::string account;
    std::string region;
    std::string name;
    std::string input_id;
    std::atomic<std::uint64_t> input_records{0};
    std::atomic<std::uint64_t> input_bytes{0};
    std::atomic<std::uint64_t> lost_records{0};
    std::atomic<std::uint64_t> error_rows{0};
    std::atomic<std::uint64_t> turns{0};
    std::atomic<std::uint64_t> checkpoints{0};
    std::atomic<std::uint64_t> restores{0};
    std::atomic<std::uint64_t> cpu_ns{0};
    std::atomic<std::uint64_t> state_bytes{0};
    std::atomic<std::int64_t> millis_behind_latest{0};
    std::atomic<bool> is_over_memory{false};
    std::vector<std::shared_ptr<const OutputCounters>> outputs;  // set before the start
};

// A live view of an in-application stream.
struct Peeked {
    bool is_known = false;          // false: there is no such stream
    std::vector<std::string> rows;  // JSON objects {"ROWTIME":ms,"row":{..}}, oldest first
};

// Used on one core, unless a function says otherwise.
class Application {
public:
    Application(const Host& host, core::Core& home, std::shared_ptr<const catalog::ObjectState> object,
                ApplicationSettings settings);
    ~Application();
    Application(const Application&) = delete;
    Application& operator=(const Application&) = delete;

    // Starts and returns at once. Reading begins as soon as the source exists.
    void start();
    // Waits until reading has begun, for at most ms_max: the first record of a start at NOW is determined then. True
    // when reading has begun.
    Task<bool> wait_until_reading(std::int64_t ms_max);
    // Stops: delivers the computed rows, for at most drain_ms, and writes a last checkpoint.
    Task<void> stop(std::int64_t drain_ms);

    [[nodiscard]] std::uint64_t version() const;
    // A checkpoint could not be written, and the application has stopped: a new one continues from the last checkpoint.
    [[nodiscard]] bool has_failed() const;
    // On any thread, as long as the application lives.
    [[nodiscard]] std::shared_ptr<const ApplicationCounters> counters() const;

    // The last rows of a stream. The first call makes the engine keep them, until a minute after the last call.
    Task<Peeked> peek(std::string stream);

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace riacho::analytics
