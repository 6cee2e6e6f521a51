// The parts of Application: life cycle (application.cc), turns (turns.cc), checkpoints and recovery (checkpoint.cc).
// Private to app/.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "analytics/app/application.h"
#include "analytics/app/output.h"
#include "analytics/app/source.h"
#include "analytics/app/turn.h"
#include "core/alarm.h"
#include "core/clock.h"
#include "core/memory_budget.h"
#include "core/run_on.h"
#include "core/task.h"
#include "core/task_group.h"
#include "core/timer.h"
#include "log/types.h"
#include "sql/engine.h"
#include "sql/record/decoder.h"

namespace riacho::analytics {

// AWS: spec 9.1.
inline constexpr std::string_view input_problem =
    "There is a problem related to the configuration of your input. Please check that the resource exists, the role "
    "has the correct permissions to access the resource and that Kinesis Analytics can assume the role provided.";

// A checkpoint whose earlier rows are not all delivered yet.
struct Candidate {
    Checkpoint checkpoint;
    std::vector<std::uint64_t> ordinals;  // by output: rows before them have to be delivered
    std::uint64_t bytes_taken = 0;
};

struct Application::Impl {
    Impl(const Host& given, core::Core& home, std::shared_ptr<const catalog::ObjectState> of,
         ApplicationSettings settings_given);

    // application.cc
    Task<void> run();
    Task<bool> open();
    Task<bool> pause(std::int64_t ms);
    Task<void> follow_successor();
    void make_outputs();
    void note_memory();
    void tell_lost();
    void serve_peeks();
    void say(std::string_view what, std::string_view detail = {});
    [[nodiscard]] std::int64_t sleep_ms() const;
    [[nodiscard]] bool outputs_full() const;
    [[nodiscard]] bool outputs_empty() const;

    // turns.cc
    Task<bool> take_turn(bool with_records);
    Task<void> write_turn(Turn turn, bool& is_written);
    // A turn that is written while the engine computes it; null in a replay.
    struct Writing {
        core::TaskGroup tasks;
        bool is_written = false;
    };
    // Decodes records, runs the engine, and passes the resulting rows to the outputs, in pieces, once the turn is
    // durable.
    Task<bool> compute(const Turn& turn, const std::vector<TakenRecords>& taken, Writing* writing);
    Task<bool> hand_out_piece(Writing* writing);
    // The position in a turn: its next record, and the next user record of an aggregate.
    struct Entering {
        std::size_t part = 0;
        std::size_t record = 0;
        std::size_t inner = 0;
        bool is_over = false;
    };
    void enter(const Turn& turn, const std::vector<TakenRecords>& taken, Entering& at);
    bool run_slice(std::int64_t work);
    bool collect_rows();
    void hand_out();

    // checkpoint.cc
    // `source_created_at`: of the stream that is read.
    Task<bool> restore(TimestampMs source_created_at);
    Task<bool> read_state(const Checkpoint& checkpoint, std::vector<std::string>& chunks,
                          std::optional<Positions>& positions);
    Task<bool> replay(const Checkpoint& checkpoint);
    Task<bool> replay_turn(std::uint64_t seq, const Turn& turn);
    Task<bool> begin_anew(TimestampMs source_created_at);
    void begin_outputs();
    Task<bool> write_checkpoint();
    Task<bool> confirm_checkpoints();
    Task<std::optional<std::uint64_t>> append_state(std::vector<std::string> records);
    [[nodiscard]] bool checkpoint_due() const;
    [[nodiscard]] bool is_far_ahead() const;

    // Runs work on the pool; tries again while the pool's queue is full; false when the node stops.
    template <class Work>
    Task<bool> on_pool(Work work);
    // Runs work here and counts its time.
    template <class Work>
    void timed(Work& work);

    [[nodiscard]] log::ShardUid turns_uid() const { return log::ShardUid(object->shards.at(turns_shard).uid); }
    [[nodiscard]] log::ShardUid state_uid() const { return log::ShardUid(object->shards.at(state_shard).uid); }

    const Host host;
    core::Core& core;
    const std::shared_ptr<const catalog::ObjectState> object;
    const ApplicationSettings settings;
    const std::shared_ptr<ApplicationCounters> counters = std::make_shared<ApplicationCounters>();
    core::TaskGroup tasks;
    core::Alarm alarm;
    bool stopping = false;
    bool is_reading = false;
    bool is_broken = false;  // no checkpoint may be written any more
    bool has_failed = false;
    bool is_loss_told = false;

    std::shared_ptr<const sql::Program> program;
    std::unique_ptr<sql::Engine> engine;
    std::vector<std::unique_ptr<sql::RecordDecoder>> decoders;  // by in-application input stream
    bool uses_sequence_numbers = false;                         // the code reads SEQUENCE_NUMBER
    std::optional<Source> source;
    std::vector<std::unique_ptr<Output>> outputs;
    std::vector<std::optional<sql::StreamIx>> output_streams;  // of each output; nothing: the code has no such stream

    std::uint64_t seed = 0;
    TimestampMs engine_started_at;
    std::uint64_t small_turn_ns = UINT64_MAX;               // computing time of the last small turn
    std::uint64_t turn_number = 0;                          // of the last turn
    std::uint64_t turn_seq = 0;                             // its record in the turns shard
    TimestampMs rowtime;                                    // of the last turn
    std::vector<std::pair<std::size_t, EncodedRows>> made;  // a piece of the rows of this turn, by output
    std::size_t made_bytes = 0;
    std::optional<sql::Emitted> emitted;  // rows of which only the first were encoded
    std::uint32_t emitted_at = 0;

    // The numbers in the state shard of the engine's live chunks.
    std::map<std::uint64_t, std::uint64_t> chunk_seqs;
    std::deque<Candidate> candidates;
    std::uint64_t checkpointed_turn = 0;  // the last turn of the newest candidate
    std::size_t bytes_since_checkpoint = 0;
    std::uint64_t bytes_taken = 0;     // of input, since this start
    std::uint64_t confirmed_turn = 0;  // of the newest durable checkpoint
    std::uint64_t confirmed_bytes = 0;
    MonotonicNs last_checkpoint{0};

    core::MemoryLease memory;
    std::size_t memory_max = 0;
    bool is_over_memory = false;
    MonotonicNs last_memory_message{0};
    std::optional<MonotonicNs> last_peek;
    struct PeekRequest {
        std::string stream;
        Peeked answer;
        core::Alarm* done = nullptr;
        bool is_done = false;
    };
    std::vector<std::shared_ptr<PeekRequest>> peeks;
    std::vector<core::Alarm*> waiting_until_reading;
};

template <class Work>
void Application::Impl::timed(Work& work) {
    const std::int64_t began = host.clock.monotonic().value();
    work();
    counters->cpu_ns += static_cast<std::uint64_t>(host.clock.monotonic().value() - began);
}

template <class Work>
Task<bool> Application::Impl::on_pool(Work work) {
    for (;;) {
        const auto ran = co_await core::run_on(host.cpu, core, [&] { timed(work); });
        if (ran) co_return true;
        if (ran.error() == core::PoolError::stopping) co_return false;
        co_await core::sleep(core, 5);
    }
}

}  // namespace riacho::analytics
