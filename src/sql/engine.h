// Runs a program over rows: a deterministic state machine. No I/O, no clock, no threads, no randomness.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "sql/batch/batch.h"
#include "sql/program.h"

namespace riacho::sql {

struct EngineOptions {
    std::uint64_t seed = 0;       // of hash tables (keys are untrusted data); no result depends on it
    RowTime started_at{};         // CURRENT_TIMESTAMP and the like
    std::uint32_t peek_rows = 0;  // number of rows that each stream keeps for peek()
};

// A budget in rows times operators. The engine has no clock: the host chooses a budget of about 5 ms.
struct WorkBudget {
    std::int64_t left = INT64_MAX;
};

// Rows of an output stream. Ordinals count the rows of a stream from the beginning of the state.
struct Emitted {
    StreamIx stream;
    std::uint64_t first_ordinal = 0;
    BatchRef rows;
};

// A record, or a part of one, that cannot be decoded: `name` as S14.8 (PARSE_ERROR, COERCION_ERROR,
// PREPROCESSING_FAILED).
struct InputError {
    std::string_view name;
    std::string message;
    RowTime rowtime;
    std::string record;       // its bytes, the first 24 KiB
    std::uint64_t count = 1;  // number of such errors, when one stands for several
};

struct ErrorCount {
    std::string name;
    std::string pump;
    std::uint64_t count = 0;
};

// Receives the chunks of collect(). A chunk is at most 1 MiB, checksummed and self-describing.
class ChunkSink {
public:
    virtual ~ChunkSink() = default;
    virtual void chunk(std::string bytes) = 0;
};
// Returns the chunks of one or several collects in their order; chunks before the first or after the last requested one
// are missing.
class ChunkSource {
public:
    virtual ~ChunkSource() = default;
    // The next chunk, valid until the following call; nothing at the end.
    virtual std::optional<std::string_view> next() = 0;
};
// The bytes of images written after the deltas; at least `size_min`, also when there are few deltas.
struct CollectBudget {
    std::size_t size_min = 64 * 1024;
    std::size_t size_max = 8 * 1024 * 1024;
};
// Chunks are numbered from 1 on. A restore does not need those before first_needed, which may be trimmed.
struct Collected {
    std::uint64_t first = 0;
    std::uint64_t last = 0;
    std::uint64_t first_needed = 0;
};

enum class RestoreError : std::uint8_t { damaged, other_version, other_program };

struct OperatorState {
    std::string name;  // "PUMP.2 Tumble"
    std::uint64_t groups = 0;
    std::uint64_t rows = 0;
    std::uint64_t bytes = 0;
    std::uint64_t rows_in = 0;
    std::uint64_t rows_out = 0;
};

// Used by one thread at a time.
class Engine {
public:
    Engine(std::shared_ptr<const Program> program, EngineOptions options);
    ~Engine();
    Engine(const Engine&) = delete;
    Engine& operator=(const Engine&) = delete;

    // Sets CURRENT_ROW_TIMESTAMP and ERROR_TIME; a time before an earlier one is ignored.
    void begin_turn(RowTime wall_now);
    // ROWTIME ascending and not earlier than any bound given for the input.
    void push(InputIx input, BatchRef rows);
    // Records that could not be decoded: error rows of the input's own pump.
    void push_errors(InputIx input, std::vector<InputError> errors);
    // No later row of the input is earlier than `bound`. A bound before an earlier one is ignored.
    void advance(InputIx input, RowTime bound);
    // Runs until nothing is left to do, or the budget is spent, or some MiB of rows wait in take(): then, unless the
    // engine is idle, take them and call again.
    void run(WorkBudget& budget);
    [[nodiscard]] bool idle() const;
    // The earliest bound that would release rows: the host advances all inputs to it at that time.
    [[nodiscard]] std::optional<RowTime> wake_at() const;
    // The next rows of an output, in the order in which they were made.
    [[nodiscard]] std::optional<Emitted> take();
    // From the beginning of the state, by name and pump.
    [[nodiscard]] std::vector<ErrorCount> error_counts() const;

    // Called between turns, with no rows left to take: writes all changes since the last collect, then images within
    // the budget. State(N) consists of the chunks from first_needed up to last.
    Collected collect(ChunkSink& sink, const CollectBudget& budget);
    // The state in the chunks. Operators whose fingerprint is not in the chunks start empty; other_program when that is
    // true of all. Memory is bounded by the chunks.
    [[nodiscard]] static Expected<std::unique_ptr<Engine>, RestoreError> restore(std::shared_ptr<const Program> program,
                                                                                 EngineOptions options,
                                                                                 ChunkSource& source);

    // The last rows of a stream, oldest first, at most peek_rows.
    [[nodiscard]] std::vector<BatchRef> peek(StreamIx stream) const;
    void set_peek_rows(std::uint32_t rows);
    [[nodiscard]] std::vector<OperatorState> sizes() const;
    [[nodiscard]] std::uint64_t memory_used() const;
    // The ordinal of the stream's next row.
    [[nodiscard]] std::uint64_t next_ordinal(StreamIx stream) const;

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace riacho::sql
