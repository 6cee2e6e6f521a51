// Application: one that runs. Takes records in turns, hands them to the engine, sends what comes out, and writes down
// how far it is, so that nothing is missing and no window differs after a crash.
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

// What applications are given of the node; all of it outlives them.
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

// What metrics show. Written on the application's core, read anywhere.
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
    std::vector<std::shared_ptr<const OutputCounters>> outputs;  // set before it runs
};

// A live view of an in-application stream.
struct Peeked {
    bool is_known = false;          // there is such a stream
    std::vector<std::string> rows;  // JSON objects {"ROWTIME":ms,"row":{..}}, oldest first
};

// On one core, but for what says otherwise.
class Application {
public:
    Application(const Host& host, core::Core& home, std::shared_ptr<const catalog::ObjectState> object,
                ApplicationSettings settings);
    ~Application();
    Application(const Application&) = delete;
    Application& operator=(const Application&) = delete;

    // Starts; returns at once. It reads as soon as what it reads is there.
    void start();
    // Waits until it reads, at most so long: what a start at NOW will see is fixed then.
    // True when it does.
    Task<bool> wait_until_reading(std::int64_t ms_max);
    // Ends it: what was computed is delivered, for at most drain_ms, and where it was is written down.
    Task<void> stop(std::int64_t drain_ms);

    [[nodiscard]] std::uint64_t version() const;
    // It has given up, because it could not write down how far it is: another one goes on from what is written.
    [[nodiscard]] bool has_failed() const;
    // From any thread, as long as the application lives.
    [[nodiscard]] std::shared_ptr<const ApplicationCounters> counters() const;

    // The last rows of a stream; the first call makes the engine keep them, for a minute after the last one.
    Task<Peeked> peek(std::string stream);

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace riacho::analytics
