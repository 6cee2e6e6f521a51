// collect() and restore(): deltas, rolling images, trimming, damage (design 6.2, S14.9, K88).
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <deque>
#include <fstream>
#include <iterator>
#include <random>

#include "sql/engine.h"
#include "sql/record/row_encode.h"

namespace riacho::sql {
namespace {

constexpr std::string_view sql =
    "CREATE STREAM O (K VARCHAR(12), N BIGINT, TOTAL BIGINT, MEAN DOUBLE, LO VARCHAR(12), HI DECIMAL(9,2));"
    "CREATE PUMP P AS INSERT INTO O SELECT STREAM k, COUNT(*), SUM(n), AVG(d), MIN(v), MAX(x) FROM S"
    " GROUP BY k, STEP(S.ROWTIME BY INTERVAL '10' SECOND);"
    "CREATE STREAM W (N BIGINT);"
    "CREATE PUMP Q AS INSERT INTO W SELECT STREAM SUM(n) FROM O GROUP BY STEP(O.ROWTIME BY INTERVAL '1' MINUTE);";

std::shared_ptr<const Program> compile(std::string_view text = sql) {
    Environment environment;
    InputSpec input;
    input.name = "S";
    input.columns = {{"K", varchar_type(12)},
                     {"N", simple_type(Kind::bigint)},
                     {"D", simple_type(Kind::double_precision)},
                     {"V", varchar_type(12)},
                     {"X", decimal_type(9, 2)}};
    environment.inputs.push_back(std::move(input));
    environment.outputs = {"O", "W"};
    auto program = Program::compile(text, environment);
    EXPECT_TRUE(program);
    return *program;
}

BatchRef random_rows(std::mt19937& random, std::int64_t& time, std::uint32_t keys) {
    const std::uint32_t count = 1 + random() % 500;
    auto batch = std::make_shared<Batch>();
    auto arena = std::make_shared<Arena>();
    batch->rows = count;
    auto rowtime = std::make_shared<Vector>(simple_type(Kind::timestamp, false));
    auto k = std::make_shared<Vector>(varchar_type(12));
    auto n = std::make_shared<Vector>(simple_type(Kind::bigint));
    auto d = std::make_shared<Vector>(simple_type(Kind::double_precision));
    auto v = std::make_shared<Vector>(varchar_type(12));
    auto x = std::make_shared<Vector>(decimal_type(9, 2));
    for (std::uint32_t row = 0; row < count; ++row) {
        time += random() % 4;
        rowtime->values<std::int64_t>()[row] = time;
        k->values<std::string_view>()[row] = arena->copy(fmt::format("key-{}", random() % keys));
        if (random() % 50 == 0) k->set_null(row);
        n->values<std::int64_t>()[row] = static_cast<std::int64_t>(random() % 1000) - 500;
        d->values<double>()[row] = static_cast<double>(random() % 1000) / 7;
        v->values<std::string_view>()[row] = arena->copy(fmt::format("{:x}", random()));
        x->values<std::int64_t>()[row] = static_cast<std::int64_t>(random() % 100000);
        if (random() % 20 == 0) x->set_null(row);
    }
    batch->rowtime = rowtime;
    batch->columns = {k, n, d, v, x, nullptr};
    batch->arenas.push_back(std::move(arena));
    return batch;
}

class Log final : public ChunkSink, public ChunkSource {
public:
    void chunk(std::string bytes) override { chunks.push_back(std::move(bytes)); }
    std::optional<std::string_view> next() override {
        if (at == chunks.size()) return std::nullopt;
        return chunks[at++];
    }
    void trim(std::uint64_t first_needed) {
        for (; first < first_needed; ++first) chunks.pop_front();
        at = 0;
    }
    [[nodiscard]] std::size_t size() const {
        std::size_t sum = 0;
        for (const std::string& chunk : chunks) sum += chunk.size();
        return sum;
    }
    std::deque<std::string> chunks;
    std::uint64_t first = 1;
    std::size_t at = 0;
};

std::string drain(Engine& engine, const Program& program) {
    std::string out;
    WorkBudget budget;
    do {
        engine.run(budget);
        while (const auto emitted = engine.take()) {
            for (std::uint32_t row = 0; row < emitted->rows->rows; ++row) {
                out += fmt::format("{} {} {} ", emitted->stream.value(), emitted->first_ordinal + row,
                                   emitted->rows->time_of(row).value());
                encode_json_row(*emitted->rows, row, program.streams()[emitted->stream.value()].columns, out);
                out += '\n';
            }
        }
    } while (!engine.idle());
    return out;
}

// A run that is restored again and again from what was not trimmed gives the rows, ordinals and doubles of one that is
// not.
TEST(State, restored_runs_equal_a_run_without_a_restore) {
    const auto program = compile();
    for (std::uint32_t seed = 1; seed <= 6; ++seed) {
        std::mt19937 random(seed);
        std::mt19937 choice(seed * 77);
        Engine plain(program, {});
        auto engine = std::make_unique<Engine>(program, EngineOptions{});
        Log log;
        std::int64_t time = 1'000;
        std::size_t size_max = 0;
        for (int step = 0; step < 120; ++step) {
            const BatchRef rows = random_rows(random, time, seed % 2 == 0 ? 20'000 : 50);
            plain.push(InputIx(0), rows);
            engine->push(InputIx(0), rows);
            ASSERT_EQ(drain(plain, *program), drain(*engine, *program)) << "seed " << seed << " step " << step;
            if (choice() % 3 != 0) continue;
            const Collected collected = engine->collect(log, {choice() % 20'000, 30'000});
            ASSERT_LE(collected.first_needed, collected.first);
            log.trim(collected.first_needed);
            ASSERT_EQ(log.first + log.chunks.size() - 1, collected.last);
            size_max = std::max(size_max, log.size());
            if (choice() % 2 != 0) continue;
            EngineOptions options;
            options.seed = choice();  // of hash tables: no result depends on it
            auto restored = Engine::restore(program, options, log);
            ASSERT_TRUE(restored);
            engine = *std::move(restored);
        }
        EXPECT_LT(size_max, std::size_t{8} << 20);
    }
}

TEST(State, damage_is_noticed) {
    const auto program = compile();
    std::mt19937 random(5);
    std::int64_t time = 1'000;
    Engine engine(program, {});
    Log log;
    for (int step = 0; step < 3; ++step) {
        engine.push(InputIx(0), random_rows(random, time, 20));
        drain(engine, *program);
        engine.collect(log, {0, 0});
    }
    ASSERT_EQ(log.chunks.size(), 3U);
    const auto outcome = [&](Log changed) {
        changed.at = 0;
        return Engine::restore(program, {}, changed);
    };
    ASSERT_TRUE(outcome(log));
    for (std::size_t size = 0; size < log.chunks[2].size(); ++size) {
        Log cut = log;
        cut.chunks[2].resize(size);
        const auto restored = outcome(cut);
        ASSERT_FALSE(restored);
        ASSERT_EQ(restored.error(), RestoreError::damaged);
    }
    Log without_first = log;
    without_first.chunks.pop_front();
    EXPECT_EQ(outcome(without_first).error(), RestoreError::damaged);
    Log without_second = log;
    without_second.chunks.erase(without_second.chunks.begin() + 1);
    EXPECT_EQ(outcome(without_second).error(), RestoreError::damaged);
    Log flipped = log;
    flipped.chunks[1][flipped.chunks[1].size() / 2] ^= 1;
    EXPECT_EQ(outcome(flipped).error(), RestoreError::damaged);
    Log nothing;
    EXPECT_EQ(outcome(nothing).error(), RestoreError::damaged);
}

// Bytes of version 1 (docs/formats/analytics.md): they are written as they were, and read. RIACHO_WRITE_GOLDEN=1 makes
// the file, for a new version alone.
TEST(State, golden_bytes_of_version_1) {
    const std::string path = "tests/golden/sql/state-v1.bin";
    const auto program = compile();
    std::mt19937 random(5);
    std::int64_t time = 1'000;
    Engine engine(program, {});
    Log log;
    for (int step = 0; step < 2; ++step) {
        engine.push(InputIx(0), random_rows(random, time, 12));
        drain(engine, *program);
        engine.collect(log, {0, 0});
    }
    std::string bytes;
    for (const std::string& chunk : log.chunks) bytes += fmt::format("{}\n{}", chunk.size(), chunk);
    if (std::getenv("RIACHO_WRITE_GOLDEN") != nullptr) std::ofstream(path, std::ios::binary) << bytes;
    std::ifstream in(path, std::ios::binary);
    const std::string golden{std::istreambuf_iterator<char>(in), {}};
    ASSERT_EQ(bytes, golden);
    Log old;
    std::string_view left = golden;
    while (!left.empty()) {
        const std::size_t line = left.find('\n');
        const std::size_t size = std::stoul(std::string(left.substr(0, line)));
        old.chunks.emplace_back(left.substr(line + 1, size));
        left.remove_prefix(line + 1 + size);
    }
    ASSERT_TRUE(Engine::restore(program, {}, old));
}

// Design 6.6: an operator whose meaning is unchanged keeps its groups; the others start empty.
TEST(State, a_changed_program_keeps_what_means_the_same) {
    const auto program = compile();
    std::mt19937 random(5);
    std::int64_t time = 1'000;
    Engine engine(program, {});
    engine.push(InputIx(0), random_rows(random, time, 20));
    drain(engine, *program);
    Log log;
    engine.collect(log, {});
    const auto changed = compile(
        std::string(sql) + "CREATE STREAM MORE (N BIGINT); CREATE PUMP R AS INSERT INTO MORE SELECT STREAM n FROM S;");
    auto restored = Engine::restore(changed, {}, log);
    ASSERT_TRUE(restored);
    std::uint64_t groups = 0;
    for (const OperatorState& state : (*restored)->sizes()) groups += state.groups;
    EXPECT_GT(groups, 10U);
    const auto other = compile(
        "CREATE STREAM O (N BIGINT); CREATE PUMP P AS INSERT INTO O SELECT STREAM COUNT(*) FROM S GROUP BY "
        "FLOOR(S.ROWTIME TO HOUR);");
    log.at = 0;
    EXPECT_EQ(Engine::restore(other, {}, log).error(), RestoreError::other_program);
}

// A window that was taken out of the program by one change does not come back with the next, though its groups are in
// chunks that another window still needs.
TEST(State, a_window_that_was_removed_starts_empty) {
    const std::string kept =
        "CREATE STREAM O (N BIGINT);"
        "CREATE PUMP P AS INSERT INTO O SELECT STREAM COUNT(*) FROM S GROUP BY FLOOR(S.ROWTIME TO HOUR);";
    const auto both = compile(kept +
                              "CREATE STREAM W (K VARCHAR(12));"
                              "CREATE PUMP Q AS INSERT INTO W SELECT STREAM k FROM S"
                              " GROUP BY k, STEP(S.ROWTIME BY INTERVAL '2' HOUR);");
    const auto one = compile(kept);
    std::mt19937 random(5);
    std::int64_t time = 1'000;
    Log log;
    const auto groups_of_window = [](const Engine& engine) {
        std::uint64_t groups = 0;
        for (const OperatorState& state : engine.sizes()) groups += state.name.starts_with("Q.") ? state.groups : 0;
        return groups;
    };
    // No images: all chunks are needed.
    const auto turn = [&](Engine& engine, const std::shared_ptr<const Program>& program) {
        engine.push(InputIx(0), random_rows(random, time, 20));
        drain(engine, *program);
        EXPECT_EQ(engine.collect(log, {0, 0}).first_needed, 1U);
        log.at = 0;
    };
    Engine first(both, {});
    turn(first, both);
    turn(first, both);
    ASSERT_GT(groups_of_window(first), 10U);
    auto without = Engine::restore(one, {}, log);
    ASSERT_TRUE(without);
    turn(**without, one);
    auto again = Engine::restore(both, {}, log);
    ASSERT_TRUE(again);
    EXPECT_EQ(groups_of_window(**again), 0U);
    EXPECT_TRUE((*again)->wake_at());
    // Its numbers begin again, below those of the old groups: a restore takes the new ones.
    turn(**again, both);
    const std::uint64_t groups = groups_of_window(**again);
    EXPECT_GT(groups, 5U);
    auto last = Engine::restore(both, {}, log);
    ASSERT_TRUE(last);
    EXPECT_EQ(groups_of_window(**last), groups);
    (*again)->advance(InputIx(0), RowTime(7'200'000));
    (*last)->advance(InputIx(0), RowTime(7'200'000));
    const std::string rows = drain(**again, *both);
    EXPECT_NE(rows, "");
    EXPECT_EQ(drain(**last, *both), rows);
}

constexpr std::string_view wide =
    "CREATE STREAM O (K VARCHAR(12), N BIGINT, TOTAL BIGINT, MEAN DOUBLE, LO VARCHAR(40), HI DECIMAL(9,2));"
    "CREATE PUMP P AS INSERT INTO O SELECT STREAM k, COUNT(*), SUM(n), AVG(d), MIN(v || v || v), MAX(x) FROM S"
    " GROUP BY k, STEP(S.ROWTIME BY INTERVAL '30' SECOND);"
    "CREATE PUMP R AS INSERT INTO O SELECT STREAM k, n, n, d, v, x FROM S WHERE n > 480;"
    "CREATE STREAM W (N BIGINT, M DECIMAL(9,2));"
    "CREATE PUMP Q AS INSERT INTO W SELECT STREAM SUM(n), MAX(h) FROM"
    " (SELECT STREAM k, COUNT(*) AS n, MAX(x) AS h FROM S GROUP BY k, STEP(S.ROWTIME BY INTERVAL '20' SECOND)) AS T"
    " GROUP BY STEP(T.ROWTIME BY INTERVAL '1' MINUTE);";

// A host that stops reading above a bound goes on once a window is over: what it needed is given back.
TEST(State, memory_is_given_back_when_a_window_closes) {
    const auto program = compile(wide);
    std::mt19937 random(5);
    std::int64_t time = 0;
    Engine engine(program, {});
    while (time < 29'000) {
        engine.push(InputIx(0), random_rows(random, time, 100'000));
        drain(engine, *program);
    }
    ASSERT_GT(engine.memory_used(), std::uint64_t{2} << 20);
    engine.advance(InputIx(0), RowTime(60'000));
    EXPECT_NE(drain(engine, *program), "");
    EXPECT_LT(engine.memory_used(), std::uint64_t{256} << 10);
}

// A window of many groups is given out in pieces between which run() returns, and no row, order or ordinal depends on
// where it did.
TEST(State, a_large_window_is_given_out_within_the_budget) {
    const auto program = compile(wide);
    std::mt19937 random(7);
    std::mt19937 choice(8);
    std::int64_t time = 0;
    Engine plain(program, {});
    Engine sliced(program, {});
    std::size_t most_rows = 0;
    std::size_t runs = 0;
    const auto drain_sliced = [&] {
        std::string out;
        do {
            WorkBudget budget{static_cast<std::int64_t>(1 + choice() % 2'000)};
            sliced.run(budget);
            ++runs;
            std::size_t rows = 0;
            while (const auto emitted = sliced.take()) {
                rows += emitted->rows->rows;
                for (std::uint32_t row = 0; row < emitted->rows->rows; ++row) {
                    out += fmt::format("{} {} {} ", emitted->stream.value(), emitted->first_ordinal + row,
                                       emitted->rows->time_of(row).value());
                    encode_json_row(*emitted->rows, row, program->streams()[emitted->stream.value()].columns, out);
                    out += '\n';
                }
            }
            most_rows = std::max(most_rows, rows);
        } while (!sliced.idle());
        return out;
    };
    for (int step = 0; step < 400; ++step) {
        const BatchRef rows = random_rows(random, time, 20'000);
        plain.push(InputIx(0), rows);
        sliced.push(InputIx(0), rows);
        if (step % 7 == 0) {
            plain.advance(InputIx(0), RowTime(time));
            sliced.advance(InputIx(0), RowTime(time));
        }
        ASSERT_EQ(drain(plain, *program), drain_sliced()) << "step " << step;
    }
    EXPECT_GT(time, 120'000);
    EXPECT_LE(most_rows, 4 * std::size_t{batch_rows_max});
    EXPECT_GT(runs, 400U);
    Log a;
    Log b;
    plain.collect(a, {});
    sliced.collect(b, {});
    EXPECT_EQ(a.chunks, b.chunks);
}

// A million groups that end at once, and a second pump behind them: what waits between the pumps and for the host stays
// within a few MiB, however many rows there are.
TEST(State, a_million_groups_leave_through_two_pumps_within_a_bound) {
    Environment environment;
    InputSpec input;
    input.name = "S";
    input.columns = {{"K", simple_type(Kind::bigint)}};
    environment.inputs.push_back(std::move(input));
    environment.outputs = {"O"};
    const auto program = Program::compile(
        "CREATE STREAM W (K BIGINT, N BIGINT);"
        "CREATE PUMP P AS INSERT INTO W SELECT STREAM k, COUNT(*) FROM S"
        " GROUP BY k, STEP(S.ROWTIME BY INTERVAL '60' SECOND);"
        "CREATE STREAM O (K BIGINT, N BIGINT);"
        "CREATE PUMP Q AS INSERT INTO O SELECT STREAM k, n FROM W WHERE n > 0;",
        environment);
    ASSERT_TRUE(program);
    constexpr std::int64_t groups = 1'000'000;
    Engine engine(*program, {});
    for (std::int64_t from = 0; from < groups; from += batch_rows_max) {
        auto batch = std::make_shared<Batch>();
        batch->rows = static_cast<std::uint32_t>(std::min<std::int64_t>(batch_rows_max, groups - from));
        batch->rowtime = make_rowtime(RowTime(1'000), batch->rows);
        auto k = std::make_shared<Vector>(simple_type(Kind::bigint));
        for (std::uint32_t row = 0; row < batch->rows; ++row) k->values<std::int64_t>()[row] = from + row;
        batch->columns = {k, nullptr};
        engine.push(InputIx(0), std::move(batch));
        EXPECT_EQ(drain(engine, **program), "");
    }
    const std::uint64_t state = engine.memory_used();
    std::uint64_t most = 0;
    std::int64_t next = 0;
    engine.advance(InputIx(0), RowTime(60'000));
    do {
        WorkBudget budget;
        engine.run(budget);
        most = std::max(most, engine.memory_used());
        while (const auto emitted = engine.take()) {
            const auto* keys = emitted->rows->columns[0]->values<std::int64_t>();
            EXPECT_EQ(emitted->first_ordinal, static_cast<std::uint64_t>(next));
            for (std::uint32_t row = 0; row < emitted->rows->rows; ++row) ASSERT_EQ(keys[row], next++);
        }
    } while (!engine.idle());
    EXPECT_EQ(next, groups);
    EXPECT_LT(most, state + (std::uint64_t{4} << 20));
    EXPECT_LT(engine.memory_used(), std::uint64_t{1} << 20) << "and then all of it is given back";
}

// Ticks cost nothing while a window is open, and wake_at() says when it closes.
TEST(State, wake_at_is_the_next_end_of_a_window) {
    const auto program = compile();
    std::mt19937 random(5);
    std::int64_t time = 1'000;
    Engine engine(program, {});
    EXPECT_FALSE(engine.wake_at());
    engine.push(InputIx(0), random_rows(random, time, 20));
    drain(engine, *program);
    ASSERT_EQ(engine.wake_at(), RowTime(10'000));
    engine.advance(InputIx(0), RowTime(9'999));
    EXPECT_EQ(drain(engine, *program), "");
    engine.advance(InputIx(0), RowTime(10'000));
    EXPECT_NE(drain(engine, *program), "");
    EXPECT_EQ(engine.wake_at(), RowTime(60'000));
}

}  // namespace
}  // namespace riacho::sql
