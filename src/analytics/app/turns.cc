// The turns of an application.
#include <algorithm>
#include <utility>

#include "analytics/app/application_impl.h"
#include "base/sequence_number.h"
#include "core/backoff.h"
#include "formats/kpl.h"
#include "log/record_log.h"
#include "sql/record/row_encode.h"

namespace riacho::analytics {
namespace {

constexpr std::size_t turn_records_max = 4'096;
constexpr std::size_t turn_bytes_max = 1 << 20;
// Rows times operators that take about 5 ms; then other work of the pool gets its turn.
constexpr std::int64_t slice_work = 400'000;
// A turn of at most so many records is computed on the core, as long as that takes no longer than a request: otherwise
// the way to the pool and back, whose threads yield to all others, would be most of a row's delay.
constexpr std::size_t small_records_max = 16;
constexpr std::size_t small_bytes_max = 4 << 10;
constexpr std::uint64_t small_ns_max = 200'000;
constexpr std::int64_t small_work = 4'000;
// The rows that a turn makes of its records at a time: short documents may make many rows of many columns.
constexpr std::size_t entered_bytes_max = 8 << 20;
// The rows that are encoded at a time, of all outputs.
constexpr std::size_t piece_bytes_max = 1 << 20;
constexpr std::int64_t turn_sleep_ms_max = 1'000;
constexpr std::int64_t retry_ms_first = 50;
constexpr std::int64_t retry_ms_max = 5'000;
constexpr std::string_view turn_key = "turn";

std::string shard_id_of(std::int32_t index) {
    std::string digits = std::to_string(index);
    return "shardId-" + std::string(12 - std::min<std::size_t>(12, digits.size()), '0') + digits;
}

bool is_small(const std::vector<TakenRecords>& taken) {
    std::size_t records = 0;
    std::size_t bytes = 0;
    for (const TakenRecords& part : taken) {
        records += part.records.size();
        if (records > small_records_max) return false;
        for (const ports::SourceRecord& record : part.records) bytes += record.data.size();
    }
    return bytes <= small_bytes_max;
}

}  // namespace

// Takes one turn, with held records or only for the passing of time; true when it was taken.
Task<bool> Application::Impl::take_turn(bool with_records) {
    std::vector<TakenRecords> taken;
    if (with_records) taken = source->take(turn_records_max, turn_bytes_max);
    Turn turn;
    turn.run = settings.run;
    turn.number = turn_number + 1;
    turn.rowtime = std::max(host.clock.now(), rowtime);
    for (const TakenRecords& part : taken) {
        turn.ranges.push_back(part.range);
        counters->input_records += part.records.size();
        for (const ports::SourceRecord& record : part.records) {
            counters->input_bytes += record.data.size();
            bytes_since_checkpoint += record.data.size();
            bytes_taken += record.data.size();
        }
    }
    turn_number = turn.number;
    rowtime = turn.rowtime;
    ++counters->turns;
    // The engine computes while the turn is being written; no row is sent before it is durable.
    Writing writing{.tasks = core::TaskGroup(core)};
    writing.tasks.spawn([this, turn, &writing] { return write_turn(turn, writing.is_written); });
    const bool is_computed = co_await compute(turn, taken, &writing);
    co_await writing.tasks.join();
    if (!is_computed || !writing.is_written) {
        is_broken = true;  // the engine is ahead of the durable turns: the next start repeats the turn
        co_return false;
    }
    hand_out();
    co_return true;
}

// Repeats the write until it succeeds; is_written stays false when it never will.
Task<void> Application::Impl::write_turn(Turn turn, bool& is_written) {
    const std::string bytes = encode(turn);
    core::Backoff backoff(retry_ms_first, retry_ms_max);
    for (;;) {
        log::BatchBuilder builder(log::BatchBuilder::record_size(turn_key.size(), false, bytes.size()));
        const auto at = builder.add(turn_key, nullptr, bytes.size());
        std::ranges::copy(as_bytes(bytes), at.begin());
        const auto appended = co_await host.log.append(core, turns_uid(), builder.seal());
        if (appended) {
            turn_seq = appended->first.value();
            is_written = true;
            co_return;
        }
        switch (appended.error()) {
            case log::LogError::overloaded:
            case log::LogError::disk_full:
                break;
            case log::LogError::sealed:
            case log::LogError::unknown_shard:
            case log::LogError::poisoned:
            case log::LogError::shutting_down:
            case log::LogError::corrupt:
                co_return;
        }
        if (stopping) co_return;
        co_await core::sleep(core, backoff.next_ms(host.rng));
    }
}

// Decodes records and passes their rows to the engine: as many as it accepts, then again from `at` on. Its time follows
// the last record.
void Application::Impl::enter(const Turn& turn, const std::vector<TakenRecords>& taken, Entering& at) {
    bool is_full = false;
    while (at.part < taken.size() && !is_full) {
        const TakenRecords& part = taken[at.part];
        const auto stream = static_cast<std::size_t>(part.range.shard_index) % decoders.size();
        sql::RecordDecoder& decoder = *decoders[stream];
        const std::string shard_id = shard_id_of(part.range.shard_index);
        const auto decode = [&](std::string_view data, const sql::RecordMetadata& metadata) {
            decoder.decode(data, 0, turn.rowtime, metadata);
            is_full = decoder.held_size() >= entered_bytes_max / decoders.size();
        };
        while (at.record < part.records.size() && !is_full) {
            const ports::SourceRecord& record = part.records[at.record];
            SequenceText sequence;
            sql::RecordMetadata metadata{record.arrival, record.partition_key, {}, shard_id};
            if (uses_sequence_numbers) {
                sequence = format_sequence_number({.created_s = part.range.created_s,
                                                   .time_s = record.arrival.value() / 1000,
                                                   .seq_ix = record.seq,
                                                   .shard_index = part.range.shard_index});
                metadata.sequence_number = sequence.view();
            }
            const auto aggregate = formats::parse_kpl(record.data);
            if (!aggregate) {
                decode(record.data, metadata);
                ++at.record;
                continue;
            }
            while (at.inner < aggregate->size() && !is_full) {
                const formats::KplRecord& inner = (*aggregate)[at.inner++];
                metadata.partition_key = inner.partition_key;
                decode(inner.data, metadata);
            }
            if (at.inner < aggregate->size()) break;
            at.inner = 0;
            ++at.record;
        }
        if (at.record < part.records.size()) break;
        at.record = 0;
        ++at.part;
    }
    for (std::size_t i = 0; i < decoders.size(); ++i) {
        const sql::InputIx input(static_cast<std::uint32_t>(i));
        for (sql::BatchRef& rows : decoders[i]->take_rows()) engine->push(input, std::move(rows));
        auto wrong = decoders[i]->take_errors();
        if (!wrong.empty()) engine->push_errors(input, std::move(wrong));
    }
    at.is_over = at.part == taken.size();
    if (!at.is_over) return;
    for (std::size_t i = 0; i < decoders.size(); ++i) {
        engine->advance(sql::InputIx(static_cast<std::uint32_t>(i)), turn.rowtime);
    }
}

bool Application::Impl::run_slice(std::int64_t work) {
    sql::WorkBudget budget{work};
    engine->run(budget);
    return engine->idle();
}

// Encodes the next piece of the engine's output for the destinations; true when there is nothing left.
bool Application::Impl::collect_rows() {
    const auto streams = program->streams();
    while (made_bytes < piece_bytes_max) {
        if (!emitted) {
            emitted = engine->take();
            emitted_at = 0;
            if (!emitted) return true;
        }
        const auto& columns = streams[emitted->stream.value()].columns;
        const std::uint64_t first_ordinal = emitted->first_ordinal + emitted_at;
        std::vector<EncodedRows> pieces(outputs.size());
        for (; emitted_at < emitted->rows->rows && made_bytes < piece_bytes_max; ++emitted_at) {
            for (std::size_t i = 0; i < outputs.size(); ++i) {
                if (output_streams[i] != emitted->stream) continue;
                EncodedRows& rows = pieces[i];
                const std::size_t before = rows.bytes.size();
                if (settings.outputs[i].format == RecordFormat::csv) {
                    sql::encode_csv_row(*emitted->rows, emitted_at, columns, rows.bytes);
                } else {
                    sql::encode_json_row(*emitted->rows, emitted_at, columns, rows.bytes);
                    // Delivery streams concatenate records without a separator (spec 6).
                    if (settings.outputs[i].destination.kind == Endpoint::Kind::delivery_stream) rows.bytes += '\n';
                }
                rows.ends.push_back(static_cast<std::uint32_t>(rows.bytes.size()));
                made_bytes += rows.bytes.size() - before + EncodedRows::row_overhead;
            }
        }
        for (std::size_t i = 0; i < outputs.size(); ++i) {
            if (pieces[i].ends.empty()) continue;
            pieces[i].first_ordinal = first_ordinal;
            pieces[i].make_keys(outputs[i]->keys(), settings.outputs[i].destination.kind == Endpoint::Kind::stream);
            made.emplace_back(i, std::move(pieces[i]));
        }
        if (emitted_at == emitted->rows->rows) emitted.reset();
    }
    return false;
}

Task<bool> Application::Impl::compute(const Turn& turn, const std::vector<TakenRecords>& taken, Writing* writing) {
    Entering at;
    bool is_idle = true;
    bool is_collected = true;
    std::int64_t work = slice_work;
    const auto next = [&] {
        if (is_collected && is_idle) enter(turn, taken, at);
        if (is_collected) is_idle = run_slice(work);
        is_collected = collect_rows();
    };
    engine->begin_turn(turn.rowtime);
    const std::uint64_t cpu_before = counters->cpu_ns;
    bool is_here = is_small(taken) && small_turn_ns <= small_ns_max;
    for (;;) {
        work = is_here ? small_work : slice_work;
        if (is_here) {
            timed(next);
        } else if (!co_await on_pool(next)) {
            co_return false;
        }
        is_here = false;
        if (at.is_over && is_idle && is_collected) break;
        // One turn may make any number of rows: they wait in the engine until earlier ones were delivered.
        if (!is_collected && !co_await hand_out_piece(writing)) co_return false;
    }
    if (is_small(taken)) small_turn_ns = counters->cpu_ns - cpu_before;
    std::uint64_t errors = 0;
    for (const sql::ErrorCount& error : engine->error_counts()) errors += error.count;
    counters->error_rows = errors;
    co_return true;
}

// Passes encoded rows to the outputs and waits until they accept more; false when the application stops before.
Task<bool> Application::Impl::hand_out_piece(Writing* writing) {
    if (writing != nullptr) {
        co_await writing->tasks.join();
        if (!writing->is_written) co_return false;
    }
    hand_out();
    while (outputs_full()) {
        if (!co_await pause(turn_sleep_ms_max)) co_return false;
        note_memory();
        serve_peeks();
    }
    co_return true;
}

void Application::Impl::hand_out() {
    made_bytes = 0;
    for (auto& [output, rows] : std::exchange(made, {})) outputs[output]->add(std::move(rows));
}

}  // namespace riacho::analytics
