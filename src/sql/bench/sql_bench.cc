// Rows per second of the engine alone, on one thread, as JSON lines; tests/bench/sql.py runs it beside DuckDB. The same
// rows are made there: see make_rows().
//
// sql_bench [ROWS]
#include <fmt/format.h>

#include <cstdlib>
#include <ctime>
#include <deque>

#include "base/check.h"
#include "sql/engine.h"
#include "sql/record/decoder.h"

namespace {

using namespace riacho;
using namespace riacho::sql;

constexpr std::uint32_t keys_count = 100'000;
constexpr std::int64_t windows = 10;

double now_s() {
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

// Row i: key i * 7919 % 100,000 as "ticker-NNNNNN", price 1 + i % 1000, change (i % 41 - 20) / 10, quantity i % 97. Ten
// windows of a minute.
std::vector<BatchRef> make_rows(std::uint32_t rows) {
    std::vector<BatchRef> batches;
    for (std::uint32_t from = 0; from < rows; from += batch_rows_max) {
        const std::uint32_t count = std::min(batch_rows_max, rows - from);
        auto batch = std::make_shared<Batch>();
        auto arena = std::make_shared<Arena>();
        batch->rows = count;
        auto rowtime = std::make_shared<Vector>(simple_type(Kind::timestamp, false));
        auto ticker = std::make_shared<Vector>(varchar_type(16));
        auto price = std::make_shared<Vector>(simple_type(Kind::double_precision));
        auto change = std::make_shared<Vector>(simple_type(Kind::double_precision));
        auto quantity = std::make_shared<Vector>(simple_type(Kind::integer));
        for (std::uint32_t r = 0; r < count; ++r) {
            const std::uint64_t i = from + r;
            rowtime->values<std::int64_t>()[r] = static_cast<std::int64_t>(i * windows * 60'000 / rows);
            ticker->values<std::string_view>()[r] = arena->copy(fmt::format("ticker-{:06}", i * 7919 % keys_count));
            price->values<double>()[r] = 1 + static_cast<double>(i % 1000);
            change->values<double>()[r] = (static_cast<double>(i % 41) - 20) / 10;
            quantity->values<std::int64_t>()[r] = static_cast<std::int64_t>(i % 97);
        }
        batch->rowtime = std::move(rowtime);
        batch->columns = {ticker, price, change, quantity, nullptr};
        batch->arenas.push_back(std::move(arena));
        batches.push_back(std::move(batch));
    }
    return batches;
}

std::shared_ptr<const Program> compile(std::string_view sql) {
    Environment environment;
    InputSpec input;
    input.name = "S";
    input.columns = {{"TICKER", varchar_type(16)},
                     {"PRICE", simple_type(Kind::double_precision)},
                     {"CHANGE", simple_type(Kind::double_precision)},
                     {"QUANTITY", simple_type(Kind::integer)}};
    environment.inputs.push_back(std::move(input));
    environment.outputs = {"O"};
    auto program = Program::compile(sql, environment);
    RIACHO_CHECK(program.has_value());
    return *program;
}

constexpr std::string_view filter_sql =
    "CREATE STREAM O (TICKER VARCHAR(16), VOLUME DOUBLE, QUANTITY INTEGER);"
    "CREATE PUMP P AS INSERT INTO O SELECT STREAM ticker, price * quantity, quantity + 1 FROM S"
    " WHERE ABS(change / (price + 100)) * 100 > 1;";
constexpr std::string_view tumble_sql =
    "CREATE STREAM O (TICKER VARCHAR(16), N BIGINT, Q INTEGER, LO DOUBLE, HI DOUBLE);"
    "CREATE PUMP P AS INSERT INTO O SELECT STREAM ticker, COUNT(*), SUM(quantity), MIN(price), MAX(price) FROM S"
    " GROUP BY ticker, STEP(S.ROWTIME BY INTERVAL '60' SECOND);";

// Runs the engine until it is idle; returns the number of output rows.
std::uint64_t run_all(Engine& engine) {
    std::uint64_t out = 0;
    WorkBudget budget;
    do {
        engine.run(budget);
        while (const auto emitted = engine.take()) out += emitted->rows->rows;
    } while (!engine.idle());
    return out;
}

std::uint64_t feed(Engine& engine, const std::vector<BatchRef>& rows) {
    std::uint64_t out = 0;
    for (const BatchRef& batch : rows) {
        engine.push(InputIx(0), batch);
        out += run_all(engine);
    }
    return out;
}

void run(std::string_view name, std::string_view sql, const std::vector<BatchRef>& rows, std::uint32_t count) {
    const auto program = compile(sql);
    for (int round = 0; round < 5; ++round) {
        Engine engine(program, {});
        const double begin = now_s();
        std::uint64_t out = feed(engine, rows);
        engine.advance(InputIx(0), RowTime(windows * 60'000));
        out += run_all(engine);
        const double seconds = now_s() - begin;
        fmt::print("{{\"name\":\"{}\",\"rows\":{},\"out\":{},\"seconds\":{:.4f}}}\n", name, count, out, seconds);
    }
}

// JSON records to typed columns, the first half of an application's work on a record.
void run_decode(std::uint32_t count) {
    RecordSchema schema;
    schema.columns = {{"TICKER", "$.TICKER", varchar_type(16)},
                      {"PRICE", "$.PRICE", simple_type(Kind::double_precision)},
                      {"CHANGE", "$.CHANGE", simple_type(Kind::double_precision)},
                      {"QUANTITY", "$.QUANTITY", simple_type(Kind::integer)}};
    std::vector<std::string> records;
    for (std::uint32_t i = 0; i < 10'000; ++i)
        records.push_back(
            fmt::format("{{\"TICKER\":\"ticker-{:06}\",\"PRICE\":{}.25,\"CHANGE\":{:.1f},\"QUANTITY\":{}}}", i,
                        i % 1000, (i % 41) / 10.0, i % 97));
    for (int round = 0; round < 3; ++round) {
        auto decoder = RecordDecoder::make(schema, false, {});
        RIACHO_CHECK(decoder.has_value());
        const double begin = now_s();
        std::uint64_t out = 0;
        for (std::uint32_t i = 0; i < count; ++i) {
            (*decoder)->decode(records[i % records.size()], 0, RowTime(i), {});
            if (i % 4096 == 4095) {
                for (const BatchRef& batch : (*decoder)->take_rows()) out += batch->rows;
            }
        }
        for (const BatchRef& batch : (*decoder)->take_rows()) out += batch->rows;
        fmt::print("{{\"name\":\"decode\",\"rows\":{},\"out\":{},\"seconds\":{:.4f}}}\n", count, out, now_s() - begin);
    }
}

// Turns of one row, as with a quiet stream: the cost of a turn.
void run_turns(std::uint32_t turns) {
    const auto program = compile(tumble_sql);
    const auto rows = make_rows(turns);
    std::vector<BatchRef> singles;
    for (std::uint32_t i = 0; i < turns; ++i) {
        auto batch = std::make_shared<Batch>(*rows[i / batch_rows_max]);
        batch->rows = 1;
        batch->rowtime = make_rowtime(RowTime(i), 1);
        singles.push_back(std::move(batch));
    }
    Engine engine(program, {});
    const double begin = now_s();
    std::uint64_t out = 0;
    for (std::uint32_t i = 0; i < turns; ++i) {
        engine.begin_turn(RowTime(i));
        engine.push(InputIx(0), singles[i]);
        engine.advance(InputIx(0), RowTime(i));
        out += run_all(engine);
        out += engine.wake_at().has_value() ? 0 : 1;
    }
    fmt::print("{{\"name\":\"turns\",\"rows\":{},\"out\":{},\"seconds\":{:.4f}}}\n", turns, out, now_s() - begin);
}

class Chunks final : public ChunkSink, public ChunkSource {
public:
    void chunk(std::string bytes) override {
        size += bytes.size();
        chunks.push_back(std::move(bytes));
    }
    std::optional<std::string_view> next() override {
        if (at == chunks.size()) return std::nullopt;
        return chunks[at++];
    }
    std::deque<std::string> chunks;
    std::size_t at = 0;
    std::size_t size = 0;
};

void run_restore() {
    constexpr std::uint32_t groups = 1'000'000;
    const auto program = compile(tumble_sql);
    Engine engine(program, {});
    for (std::uint32_t from = 0; from < groups; from += batch_rows_max) {
        const std::uint32_t count = std::min(batch_rows_max, groups - from);
        auto batch = std::make_shared<Batch>(*make_rows(count)[0]);
        auto arena = std::make_shared<Arena>();
        auto ticker = std::make_shared<Vector>(varchar_type(16));
        for (std::uint32_t r = 0; r < count; ++r)
            ticker->values<std::string_view>()[r] = arena->copy(fmt::format("ticker-{:07}", from + r));
        batch->rowtime = make_rowtime(RowTime(1'000), count);
        batch->columns[0] = std::move(ticker);
        batch->arenas.push_back(std::move(arena));
        engine.push(InputIx(0), std::move(batch));
        run_all(engine);
    }
    Chunks chunks;
    const double begin = now_s();
    engine.collect(chunks, {});
    const double collected = now_s();
    const auto restored = Engine::restore(program, {}, chunks);
    const double end = now_s();
    RIACHO_CHECK(restored.has_value() && (*restored)->sizes().back().groups == groups);
    fmt::print("{{\"name\":\"collect\",\"rows\":{},\"out\":{},\"seconds\":{:.4f}}}\n", groups, chunks.size,
               collected - begin);
    fmt::print("{{\"name\":\"restore\",\"rows\":{},\"out\":{},\"seconds\":{:.4f}}}\n", groups, chunks.size,
               end - collected);
}

}  // namespace

int main(int argc, char** argv) {
    const std::uint32_t rows = argc > 1 ? static_cast<std::uint32_t>(std::atoi(argv[1])) : 5'000'000;
    const auto batches = make_rows(rows);
    run("filter", filter_sql, batches, rows);
    run("tumble", tumble_sql, batches, rows);
    run_decode(rows / 4);
    run_turns(200'000);
    run_restore();
    return 0;
}
