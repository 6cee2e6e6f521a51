// Checkpoints of an application, and recovery after a stop or a crash. Invariants: the state after turn N is a function
// of the turns 1 to N. Progress names N only when that state is durable and all rows of these turns were delivered. A
// source record is in one durable turn of a run, or in none.
#include <algorithm>
#include <utility>

#include "analytics/app/application_impl.h"
#include "catalog/catalog.h"
#include "core/backoff.h"
#include "log/command_log.h"
#include "log/record_log.h"

namespace riacho::analytics {
namespace {

constexpr std::int64_t checkpoint_ns = 1'000'000'000;
constexpr std::size_t checkpoint_bytes = 64 << 20;  // of input
constexpr std::size_t candidates_max = 4;
constexpr std::size_t batch_bytes_max = 8 << 20;
// The bound of a replay: some seconds.
constexpr std::uint64_t turns_ahead_max = 20'000;
constexpr std::uint64_t bytes_ahead_max = 256 << 20;
constexpr std::size_t replay_read_bytes = 64 << 10;
constexpr std::string_view state_key = "state";
constexpr std::int64_t checkpoint_retry_ms_first = 50;
constexpr std::int64_t checkpoint_retry_ms_max = 5'000;
constexpr std::size_t checkpoint_read_bytes = 4 << 20;

struct Chunks final : sql::ChunkSink {
    void chunk(std::string bytes) override { all.push_back(std::move(bytes)); }
    std::vector<std::string> all;
};

struct ChunkList final : sql::ChunkSource {
    explicit ChunkList(const std::vector<std::string>& given) : chunks(given) {}
    std::optional<std::string_view> next() override {
        if (at == chunks.size()) return std::nullopt;
        return chunks[at++];
    }
    const std::vector<std::string>& chunks;
    std::size_t at = 0;
};

// Calls `each` with every record from a number on, up to another one or the visible end: {number, bytes}; `each`
// returns false to stop. False when the records cannot be read.
template <class Each>
Task<bool> read_all(core::Core& core, log::RecordLog& log, log::ShardUid shard, std::uint64_t from, std::uint64_t until,
                    Each each) {
    log::SeqIx next(std::max<std::uint64_t>(from, 1));
    while (next.value() < until) {
        const auto read =
            co_await log.read(core, shard, next, log::ReadLimits{.bytes_max = checkpoint_read_bytes}, TimestampMs(0));
        if (!read) co_return false;
        for (const log::FrameSlice& slice : read->slices) {
            for (const log::RecordView& record : slice.records()) {
                if (record.seq.value() >= until) co_return true;
                each(record.seq.value(), record.data);
            }
        }
        if (read->at_tip) break;
        next = read->next;
    }
    co_return true;
}

}  // namespace

// Appends records to the state shard; the number of the first. Nothing when that is finally impossible, or the
// application stops.
Task<std::optional<std::uint64_t>> Application::Impl::append_state(std::vector<std::string> records) {
    std::optional<std::uint64_t> first;
    std::size_t at = 0;
    core::Backoff backoff(checkpoint_retry_ms_first, checkpoint_retry_ms_max);
    while (at < records.size()) {
        std::size_t end = at;
        std::size_t bytes = 0;
        while (end < records.size() && (end == at || bytes + records[end].size() < batch_bytes_max)) {
            bytes += log::BatchBuilder::record_size(state_key.size(), false, records[end].size());
            ++end;
        }
        log::BatchBuilder builder(bytes);
        for (std::size_t i = at; i < end; ++i) {
            std::ranges::copy(as_bytes(records[i]), builder.add(state_key, nullptr, records[i].size()).begin());
        }
        const auto appended = co_await host.log.append(core, state_uid(), builder.seal());
        if (appended) {
            if (!first) first = appended->first.value();
            at = end;
            continue;
        }
        const bool may_work =
            appended.error() == log::LogError::overloaded || appended.error() == log::LogError::disk_full;
        if (!may_work || stopping) co_return std::nullopt;
        co_await core::sleep(core, backoff.next_ms(host.rng));
    }
    co_return first;
}

bool Application::Impl::checkpoint_due() const {
    if (checkpointed_turn == turn_number || candidates.size() >= candidates_max) return false;
    return bytes_since_checkpoint >= checkpoint_bytes ||
           host.clock.monotonic().value() - last_checkpoint.value() >= checkpoint_ns;
}

// Whether so many turns follow the last checkpoint, because a destination accepts nothing, that no more are taken: a
// crash would repeat all of them, and their records must not expire before.
bool Application::Impl::is_far_ahead() const {
    return turn_number - confirmed_turn > turns_ahead_max || bytes_taken - confirmed_bytes > bytes_ahead_max;
}

// Writes the state after the last turn; progress follows when its rows were delivered. False when that is finally
// impossible.
Task<bool> Application::Impl::write_checkpoint() {
    Chunks chunks;
    sql::Collected collected;
    const auto collect = [&] { collected = engine->collect(chunks, {}); };
    if (!co_await on_pool(collect)) co_return false;
    std::vector<std::string> records;
    std::uint64_t number = collected.first;
    for (const std::string& chunk : chunks.all) records.push_back(encode_chunk(settings.run, number++, chunk));
    records.push_back(encode_positions(settings.run, turn_number, source->positions()));
    const std::size_t count = records.size();
    const auto first = co_await append_state(std::move(records));
    if (!first) {
        is_broken = true;  // the engine regards these changes as written
        co_return false;
    }
    for (std::size_t i = 0; i < chunks.all.size(); ++i) chunk_seqs[collected.first + i] = *first + i;
    chunk_seqs.erase(chunk_seqs.begin(), chunk_seqs.lower_bound(collected.first_needed));
    const std::uint64_t positions_seq = *first + count - 1;
    Candidate& candidate = candidates.emplace_back();
    Checkpoint& checkpoint = candidate.checkpoint;
    checkpoint.run = settings.run;
    checkpoint.turn = turn_number;
    checkpoint.rowtime = rowtime;
    checkpoint.turns_next = turn_seq + 1;
    checkpoint.state_first = chunk_seqs.empty() ? positions_seq : chunk_seqs.begin()->second;
    checkpoint.state_next = positions_seq + 1;
    checkpoint.chunk_first = collected.first_needed;
    checkpoint.chunk_last = collected.last;
    checkpoint.seed = seed;
    checkpoint.started_at = engine_started_at;
    for (const auto& output : outputs) candidate.ordinals.push_back(output->added());
    candidate.bytes_taken = bytes_taken;
    checkpointed_turn = turn_number;
    bytes_since_checkpoint = 0;
    last_checkpoint = host.clock.monotonic();
    co_return co_await confirm_checkpoints();
}

// Makes the newest candidate with all rows delivered the progress. False when nothing can be written any more.
Task<bool> Application::Impl::confirm_checkpoints() {
    const auto is_delivered = [this](const Candidate& candidate) {
        for (std::size_t i = 0; i < outputs.size(); ++i) {
            if (outputs[i]->delivered() < candidate.ordinals[i]) return false;
        }
        return true;
    };
    const auto undelivered = std::ranges::find_if_not(candidates, is_delivered);
    if (undelivered == candidates.begin()) co_return true;
    const auto delivered = undelivered - candidates.begin();
    const Checkpoint newest = std::prev(undelivered)->checkpoint;
    const std::uint64_t newest_bytes = std::prev(undelivered)->bytes_taken;
    catalog::MoveProgress command;
    catalog::MoveProgress::OwnerMoves& moves = command.owners.emplace_back();
    moves.owner = object->uid;
    moves.moves.push_back({std::string(checkpoint_key), std::nullopt, encode(newest)});
    moves.trims.push_back({object->shards.at(turns_shard).uid, newest.turns_next});
    moves.trims.push_back({object->shards.at(state_shard).uid, newest.state_first});
    const std::string encoded = catalog::encode(catalog::Command(std::move(command)));
    core::Backoff backoff(checkpoint_retry_ms_first, checkpoint_retry_ms_max);
    for (;;) {
        const auto result = co_await host.commands.submit(core, encoded);
        if (result) {
            candidates.erase(candidates.begin(), candidates.begin() + delivered);
            confirmed_turn = newest.turn;
            confirmed_bytes = newest_bytes;
            ++counters->checkpoints;
            is_broken = is_broken || !result->accepted;  // the application was deleted
            co_return result->accepted;
        }
        const bool may_work = result.error() == log::LogError::overloaded || result.error() == log::LogError::disk_full;
        if (!may_work || stopping) co_return false;
        co_await core::sleep(core, backoff.next_ms(host.rng));
    }
}

void Application::Impl::begin_outputs() {
    const RowIdentity identity{object->uid, settings.run, settings.version, seed};
    for (std::size_t i = 0; i < outputs.size(); ++i) {
        outputs[i]->begin_at(identity, output_streams[i] ? engine->next_ordinal(*output_streams[i]) : 0);
    }
}

// Begins a run: no state, and positions by the settings.
Task<bool> Application::Impl::begin_anew(TimestampMs source_created_at) {
    const Position position = settings.inputs.front().position.value_or(Position::now);
    // All records of a stream that was created after the start are newer than NOW.
    const bool is_oldest = position == Position::trim_horizon || source_created_at >= settings.started_at;
    auto positions = co_await source->find_start(is_oldest);
    if (!positions) co_return false;
    source->begin_at(*positions);
    seed = host.rng.next();
    engine_started_at = host.clock.now();
    rowtime = TimestampMs(0);
    turn_number = confirmed_turn = 0;
    candidates.clear();
    chunk_seqs.clear();
    made.clear();
    made_bytes = 0;
    emitted.reset();
    engine = std::make_unique<sql::Engine>(program, sql::EngineOptions{seed, engine_started_at, 0});
    // Turns of earlier runs end here: all later records of the turns shard belong to this run.
    const auto turns = co_await host.log.state(core, turns_uid());
    if (!turns) co_return false;
    turn_seq = turns->next.value() - 1;
    checkpointed_turn = 0;
    begin_outputs();
    // The first positions are durable before the application is shown as RUNNING: no record that arrives from then on
    // is missed.
    co_return co_await write_checkpoint();
}

// Reads the chunks and positions of a checkpoint; of records with the same number, the later one counts.
Task<bool> Application::Impl::read_state(const Checkpoint& checkpoint, std::vector<std::string>& chunks,
                                         std::optional<Positions>& positions) {
    std::map<std::uint64_t, std::string> found;
    chunk_seqs.clear();
    const auto each = [&](std::uint64_t seq, std::string_view data) {
        auto record = decode_state_record(data);
        if (!record || record->run != checkpoint.run) return;
        if (record->kind == StateRecord::Kind::positions) {
            if (record->number == checkpoint.turn) positions = std::move(record->positions);
        } else if (record->number >= checkpoint.chunk_first && record->number <= checkpoint.chunk_last) {
            found[record->number] = record->bytes;
            chunk_seqs[record->number] = seq;
        }
    };
    if (!co_await read_all(core, host.log, state_uid(), checkpoint.state_first, checkpoint.state_next, each)) {
        co_return false;
    }
    std::uint64_t expected = checkpoint.chunk_first;
    for (auto& [number, bytes] : found) {
        if (number != expected++) co_return false;
        chunks.push_back(std::move(bytes));
    }
    co_return expected == checkpoint.chunk_last + 1 && positions.has_value();
}

// Repeats the turns after the checkpoint, which a process wrote that ended before its next checkpoint.
Task<bool> Application::Impl::replay(const Checkpoint& checkpoint) {
    bool is_told = false;
    log::SeqIx next(std::max<std::uint64_t>(checkpoint.turns_next, 1));
    for (bool is_at_tip = false; !is_at_tip;) {
        std::vector<std::pair<std::uint64_t, Turn>> turns;
        {
            const auto read = co_await host.log.read(core, turns_uid(), next,
                                                     log::ReadLimits{.bytes_max = replay_read_bytes}, TimestampMs(0));
            if (!read) {
                // No new run is begun: rows of the earlier turns may be at the destination.
                if (!std::exchange(is_told, true)) say("The turns of the application cannot be read at present");
                if (!co_await pause(checkpoint_retry_ms_max)) co_return false;
                continue;
            }
            for (const log::FrameSlice& slice : read->slices) {
                for (const log::RecordView& record : slice.records()) {
                    auto turn = decode_turn(record.data);
                    if (!turn || turn->run != checkpoint.run || turn->number <= checkpoint.turn) continue;
                    turns.emplace_back(record.seq.value(), *std::move(turn));
                }
            }
            is_at_tip = read->at_tip;
            next = read->next;
        }
        for (const auto& [seq, turn] : turns) {
            if (!co_await replay_turn(seq, turn)) co_return false;
        }
    }
    co_return true;
}

Task<bool> Application::Impl::replay_turn(std::uint64_t seq, const Turn& turn) {
    while (outputs_full()) {
        if (!co_await pause(1'000)) co_return false;
    }
    bool is_told = false;
    auto taken = co_await source->read_again(turn);
    while (!taken) {
        if (!std::exchange(is_told, true)) say(input_problem, "records that were taken before cannot be read again");
        if (!co_await pause(checkpoint_retry_ms_max)) co_return false;
        taken = co_await source->read_again(turn);
    }
    tell_lost();
    source->skip(turn);
    if (!co_await compute(turn, *taken, nullptr)) co_return false;
    turn_number = turn.number;
    rowtime = turn.rowtime;
    turn_seq = seq;
    ++counters->turns;
    hand_out();
    co_return true;
}

// Restores the last checkpoint and repeats later turns; false when they cannot be read at present.
Task<bool> Application::Impl::restore(TimestampMs source_created_at) {
    const auto snapshot = host.catalog.snapshot();
    const catalog::ProgressValue* stored =
        snapshot->progress().find(catalog::ProgressKey{object->uid, std::string(checkpoint_key)});
    const auto checkpoint = stored != nullptr ? decode_checkpoint(**stored) : std::nullopt;
    last_checkpoint = host.clock.monotonic();
    if (!checkpoint || checkpoint->run != settings.run) co_return co_await begin_anew(source_created_at);
    std::vector<std::string> chunks;
    std::optional<Positions> positions;
    seed = checkpoint->seed;
    engine_started_at = checkpoint->started_at;
    turn_number = checkpointed_turn = confirmed_turn = checkpoint->turn;
    turn_seq = checkpoint->turns_next - 1;
    rowtime = checkpoint->rowtime;
    const sql::EngineOptions options{seed, engine_started_at, 0};
    engine = nullptr;
    made.clear();
    made_bytes = 0;
    emitted.reset();
    if (co_await read_state(*checkpoint, chunks, positions)) {
        ChunkList list(chunks);
        const auto load = [&] {
            auto restored = sql::Engine::restore(program, options, list);
            if (restored) engine = *std::move(restored);
        };
        if (!co_await on_pool(load)) co_return false;
    } else {
        say("The state of the application is damaged; it goes on without");
    }
    if (engine == nullptr) {
        say("The state does not fit the code, or cannot be read: it begins anew, windows that were open are "
            "incomplete");
        seed = host.rng.next();
        engine = std::make_unique<sql::Engine>(program, sql::EngineOptions{seed, engine_started_at, 0});
        chunk_seqs.clear();
    }
    chunks = {};
    ++counters->restores;
    const bool is_same_stream = positions && positions->source_uid == source->positions().source_uid;
    if (!is_same_stream) {
        // From the oldest records on: some may be read twice, none is missed.
        positions = co_await source->find_start(true);
        if (!positions) co_return false;
        // The rows may differ from those that were sent: they must not get the same keys.
        seed = host.rng.next();
    }
    source->begin_at(*positions);
    begin_outputs();
    candidates.clear();
    if (is_same_stream) co_return co_await replay(*checkpoint);
    co_return true;
}

}  // namespace riacho::analytics
