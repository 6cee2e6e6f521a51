// Runs a program over rows: a deterministic state machine. No I/O, no clock, no threads of its own, no chance.
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
    std::uint64_t seed = 0;       // of hash tables (keys are strangers' data); no result depends on it
    RowTime started_at{};         // CURRENT_TIMESTAMP and its like
    std::uint32_t peek_rows = 0;  // rows that each stream keeps for peek()
};

// Counts down: rows times operators. The engine has no clock; the host knows how much fits 5 ms.
struct WorkBudget {
    std::int64_t left = INT64_MAX;
};

// Rows of an output stream. Ordinals count the rows of a stream since the state began.
struct Emitted {
    StreamIx stream;
    std::uint64_t first_ordinal = 0;
    BatchRef rows;
};

// Something in a record that is no row: `name` as S14.8 (PARSE_ERROR, COERCION_ERROR, PREPROCESSING_FAILED).
struct InputError {
    std::string_view name;
    std::string message;
    RowTime rowtime;
    std::string record;       // its bytes, the first 24 KiB
    std::uint64_t count = 1;  // of rows with such an error, this one for all of them
};

struct ErrorCount {
    std::string name;
    std::string pump;
    std::uint64_t count = 0;
};

// Takes what collect() writes. A chunk is at most 1 MiB, checksummed and self-describing.
class ChunkSink {
public:
    virtual ~ChunkSink() = default;
    virtual void chunk(std::string bytes) = 0;
};
// Gives back the chunks of one or several collects in their order, the first one or later ones left out as told.
class ChunkSource {
public:
    virtual ~ChunkSource() = default;
    // The next chunk, valid until the following call; nothing at the end.
    virtual std::optional<std::string_view> next() = 0;
};
// Bytes of images written behind the deltas. `size_min` even if there are few deltas.
struct CollectBudget {
    std::size_t size_min = 64 * 1024;
    std::size_t size_max = 8 * 1024 * 1024;
};
// Chunks are numbered from 1 on. Those before first_needed are not needed by a restore any more and may be trimmed.
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

// One thread at a time; between calls it is at rest.
class Engine {
public:
    Engine(std::shared_ptr<const Program> program, EngineOptions options);
    ~Engine();
    Engine(const Engine&) = delete;
    Engine& operator=(const Engine&) = delete;

    // What CURRENT_ROW_TIMESTAMP gives, and ERROR_TIME; an earlier time than before is ignored.
    void begin_turn(RowTime wall_now);
    // ROWTIME ascending and not earlier than any bound given for the input.
    void push(InputIx input, BatchRef rows);
    // Records that are no rows: error rows of the input's own pump.
    void push_errors(InputIx input, std::vector<InputError> errors);
    // No later row of the input is earlier than `bound`. An earlier bound than before is ignored.
    void advance(InputIx input, RowTime bound);
    // Until nothing is left to do, or the budget is spent, or some MiB of rows wait to be taken: then, unless it is
    // idle, take them and call again.
    void run(WorkBudget& budget);
    [[nodiscard]] bool idle() const;
    // The earliest bound that would release something: the host advances all inputs to it when that time has come.
    [[nodiscard]] std::optional<RowTime> wake_at() const;
    // The next rows of an output, in the order in which they were made.
    [[nodiscard]] std::optional<Emitted> take();
    // Since the state began, by name and pump.
    [[nodiscard]] std::vector<ErrorCount> error_counts() const;

    // Between turns, with nothing left to take: what changed since the last collect, then images as far as the budget
    // goes. State(N) is in the chunks from first_needed on up to last.
    Collected collect(ChunkSink& sink, const CollectBudget& budget);
    // State that the chunks hold. Operators whose fingerprint they do not know start empty; other_program when that is
    // true of all. Memory is bounded by the chunks.
    [[nodiscard]] static Expected<std::unique_ptr<Engine>, RestoreError> restore(std::shared_ptr<const Program> program,
                                                                                 EngineOptions options,
                                                                                 ChunkSource& source);

    // The last rows of a stream, oldest first, at most peek_rows.
    [[nodiscard]] std::vector<BatchRef> peek(StreamIx stream) const;
    void set_peek_rows(std::uint32_t rows);
    [[nodiscard]] std::vector<OperatorState> sizes() const;
    [[nodiscard]] std::uint64_t memory_used() const;
    // The ordinal that the next row of the stream will get.
    [[nodiscard]] std::uint64_t next_ordinal(StreamIx stream) const;

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace riacho::sql
