// Random queries over random rows: the engine gives the same results as the reference interpreter, for all divisions
// into batches and any number of restores. RIACHO_SEED repeats a run, RIACHO_ROUNDS makes it longer.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <deque>
#include <map>
#include <random>

#include "sql/engine.h"
#include "sql/record/row_encode.h"
#include "sql/test/reference.h"

namespace riacho::sql {
namespace {

std::vector<Column> input_columns() {
    return {{"I", simple_type(Kind::integer)},
            {"T", simple_type(Kind::tinyint)},
            {"G", simple_type(Kind::bigint)},
            {"X", decimal_type(9, 2)},
            {"Y", decimal_type(18, 6)},
            {"R", simple_type(Kind::real)},
            {"D", simple_type(Kind::double_precision)},
            {"V", varchar_type(8)},
            {"C", char_type(4)},
            {"E", simple_type(Kind::timestamp)},
            {"A", simple_type(Kind::date)},
            {"B", simple_type(Kind::boolean)}};
}

class Generator {
public:
    explicit Generator(std::uint32_t seed) : random_(seed) {}

    std::uint32_t below(std::uint32_t n) { return static_cast<std::uint32_t>(random_() % n); }
    template <std::size_t N>
    std::string pick(const char* const (&texts)[N]) {
        return texts[below(N)];
    }

    std::string number(int depth) {
        if (depth <= 0)
            return pick({"i", "t", "g", "x", "y", "r", "d", "0", "1", "2", "-3", "7.25", "0.001", "1e2", "2147483647",
                         "9999999.99"});
        const auto a = [&] { return number(depth - 1); };
        switch (below(13)) {
            case 0:
                return fmt::format("({} + {})", a(), a());
            case 1:
                return fmt::format("({} - {})", a(), a());
            case 2:
                return fmt::format("({} * {})", a(), a());
            case 3:
                return fmt::format("({} / {})", a(), a());
            case 4:
                return fmt::format("ABS({})", a());
            case 5:
                return fmt::format("CASE WHEN {} THEN {} ELSE {} END", condition(depth - 1), a(), a());
            case 6:
                return fmt::format("CAST({} AS {})", a(),
                                   pick({"INTEGER", "TINYINT", "BIGINT", "DECIMAL(6,1)", "REAL", "DOUBLE"}));
            case 7:
                return fmt::format("COALESCE({}, {})", a(), a());
            case 8:
                return pick({"CHAR_LENGTH(v)", "POSITION('b' IN v)", "MOD(i, t)", "STEP(i BY t)",
                             "EXTRACT(HOUR FROM e)", "EXTRACT(SECOND FROM e)", "EXTRACT(MONTH FROM a)",
                             "UNIX_TIMESTAMP(e)", "TSDIFF(e, S.ROWTIME)", "CAST(v AS INTEGER)"});
            case 9:
                return fmt::format("FLOOR({})", a());
            case 10:
                return fmt::format("CEIL({})", a());
            case 11:
                return fmt::format("NULLIF({}, {})", a(), a());
            default:
                return fmt::format("-{}", number(0));
        }
    }

    std::string text(int depth) {
        if (depth <= 0) return pick({"v", "c", "'a'", "'ab'", "''", "'b%_é'", "CAST(i AS VARCHAR(8))"});
        const auto a = [&] { return text(depth - 1); };
        switch (below(8)) {
            case 0:
                return fmt::format("{} || {}", a(), a());
            case 1:
                return fmt::format("SUBSTRING({} FROM {} FOR {})", a(), pick({"1", "t", "0", "2"}),
                                   pick({"2", "t", "0"}));
            case 2:
                return fmt::format("UPPER({})", a());
            case 3:
                return fmt::format("TRIM({} 'a' FROM {})", pick({"BOTH", "LEADING", "TRAILING"}), a());
            case 4:
                return fmt::format("CASE WHEN {} THEN {} ELSE {} END", condition(depth - 1), a(), a());
            case 5:
                return fmt::format("OVERLAY({} PLACING {} FROM {})", a(), text(0), pick({"1", "t", "3"}));
            case 6:
                return fmt::format("CAST({} AS {})", a(), pick({"VARCHAR(3)", "CHAR(3)", "CHAR(6)"}));
            default:
                return fmt::format("SUBSTRING({}, {})", a(), pick({"1", "2", "t"}));
        }
    }

    std::string time(int depth) {
        if (depth <= 0) return pick({"e", "S.ROWTIME", "TIMESTAMP '2018-05-09 10:00:00'", "CAST(a AS TIMESTAMP)"});
        const auto a = [&] { return time(depth - 1); };
        switch (below(5)) {
            case 0:
                return fmt::format("FLOOR({} TO {})", a(), pick({"SECOND", "MINUTE", "HOUR", "DAY", "MONTH", "YEAR"}));
            case 1:
                return fmt::format("CEIL({} TO {})", a(), pick({"SECOND", "MINUTE", "HOUR", "DAY", "MONTH", "YEAR"}));
            case 2:
                return fmt::format("STEP({} BY INTERVAL '{}' {})", a(), 1 + below(20),
                                   pick({"SECOND", "MINUTE", "HOUR", "DAY", "MONTH"}));
            case 3:
                return fmt::format("({} {} INTERVAL '{}' {})", a(), pick({"+", "-"}), below(50),
                                   pick({"SECOND", "MINUTE", "DAY", "MONTH", "YEAR"}));
            default:
                return fmt::format("COALESCE({}, {})", a(), a());
        }
    }

    std::string condition(int depth) {
        if (depth <= 0) return pick({"b", "i > 0", "v IS NULL", "d < 1.5", "NOT b", "x = 2.25", "UNKNOWN", "c = 'ab'"});
        const auto a = [&] { return condition(depth - 1); };
        switch (below(11)) {
            case 0:
                return fmt::format("({} AND {})", a(), a());
            case 1:
                return fmt::format("({} OR {})", a(), a());
            case 2:
                return fmt::format("NOT ({})", a());
            case 3:
                return fmt::format("({} {} {})", number(depth - 1), pick({"=", "<>", "<", "<=", ">", ">="}),
                                   number(depth - 1));
            case 4:
                return fmt::format("({} {} {})", text(depth - 1), pick({"=", "<>", "<", ">="}), text(depth - 1));
            case 5:
                return fmt::format("({} BETWEEN {} AND {})", number(depth - 1), number(0), number(0));
            case 6:
                return fmt::format("({} IN ({}, {}, NULL))", number(depth - 1), number(0), number(0));
            case 7:
                return fmt::format("({} IS {} {})", a(), pick({"", "NOT"}), pick({"TRUE", "FALSE", "UNKNOWN", "NULL"}));
            case 8:
                if (below(2) == 0)
                    return fmt::format("({} LIKE {})", text(depth - 1), pick({"'%a%'", "'_b%'", "v", "'%'"}));
                return fmt::format("({} SIMILAR TO {})", text(depth - 1),
                                   pick({"'%(a|b)%'", "'[a-c]*_?'", "'(ab|_c)+'", "'_{1,2}%'", "'[^a]%b*'",
                                         "'([a-e^c]?|é)*'", "'(a{0}|b{2,})(_|%)'"}));
            case 9:
                return fmt::format("({} {} {})", time(depth - 1), pick({"<", ">=", "="}), time(depth - 1));
            default:
                return fmt::format("({} IS DISTINCT FROM {})", number(depth - 1), number(depth - 1));
        }
    }

    std::string query() {
        const std::string where = below(2) == 0 ? "" : " WHERE " + condition(2);
        if (below(2) == 0) {
            return fmt::format("SELECT STREAM {}, {}, {}, {} FROM S{}", number(3), text(2), time(2), condition(2),
                               where);
        }
        const std::string window =
            pick({"FLOOR(S.ROWTIME TO MINUTE)", "STEP(S.ROWTIME BY INTERVAL '7' SECOND)", "CEIL(S.ROWTIME TO MINUTE)",
                  "FLOOR(S.ROWTIME TO HOUR) + INTERVAL '1' DAY", "STEP(S.ROWTIME BY INTERVAL '1' MONTH)"});
        const std::string aggregate = pick({"COUNT(*)", "COUNT(", "SUM(", "AVG(", "MIN(", "MAX("});
        const std::string sum = aggregate.back() == ')' ? aggregate : aggregate + number(2) + ")";
        return fmt::format("SELECT STREAM {}, {}({}), {}, {} FROM S{} GROUP BY {}, {}, c, b{}", sum,
                           pick({"MIN", "MAX"}), text(1), window, "MAX(e) IS NULL OR b", where,
                           pick({"v", "a", "FLOOR(e TO DAY)"}), window, pick({"", " HAVING COUNT(*) > 1"}));
    }

    BatchRef rows(std::int64_t& time) {
        const std::uint32_t count = 1 + below(12);
        auto batch = std::make_shared<Batch>();
        auto arena = std::make_shared<Arena>();
        batch->rows = count;
        auto rowtime = std::make_shared<Vector>(simple_type(Kind::timestamp, false));
        std::vector<std::shared_ptr<Vector>> vectors;
        for (const Column& column : input_columns()) vectors.push_back(std::make_shared<Vector>(column.type));
        static constexpr std::int64_t exacts[] = {0, 1, -1, 2, 7, 100, -100, 127, -128};
        static constexpr double reals[] = {0, 1, -1.5, 0.1, 1e10, -1e300, 3.25};
        static constexpr std::string_view texts[] = {"", "a", "ab", "abc ", "b%_é", "aaaa", "12", "xyzxyzxy"};
        for (std::uint32_t row = 0; row < count; ++row) {
            time += below(6'000);
            rowtime->values<std::int64_t>()[row] = time;
            for (auto& vector : vectors) {
                if (below(6) == 0) {
                    vector->set_null(row);
                    continue;
                }
                const Type& type = vector->type();
                switch (vector->physical()) {
                    case Physical::boolean:
                        vector->values<std::uint8_t>()[row] = below(2) == 1;
                        break;
                    case Physical::exact: {
                        std::int64_t value = exacts[below(std::size(exacts))];
                        if (type.kind == Kind::timestamp) value = time - below(100'000) + below(3) * 86'400'000;
                        if (type.kind == Kind::date) value = 17'660 + below(3);
                        if (below(12) == 0 && type.is_exact_number())
                            value = below(2) == 0 ? range_of(type).max : range_of(type).min;
                        vector->values<std::int64_t>()[row] = value;
                        break;
                    }
                    case Physical::real: {
                        double value = reals[below(std::size(reals))];
                        if (type.kind == Kind::real) value = static_cast<float>(std::max(value, -1e30));
                        vector->values<double>()[row] = value;
                        break;
                    }
                    case Physical::string: {
                        std::string text(texts[below(std::size(texts))]);
                        if (type.kind == Kind::character) {
                            text = std::string(cut_code_points(text, 4));
                            const auto points = static_cast<std::size_t>(
                                std::ranges::count_if(text, [](char c) { return (c & 0xC0) != 0x80; }));
                            text.append(4 - points, ' ');
                        }
                        vector->values<std::string_view>()[row] = arena->copy(text);
                        break;
                    }
                }
            }
        }
        batch->rowtime = rowtime;
        for (auto& vector : vectors) batch->columns.push_back(std::move(vector));
        auto arrival = std::make_shared<Vector>(simple_type(Kind::timestamp));
        std::copy_n(rowtime->values<std::int64_t>(), count, arrival->values<std::int64_t>());
        batch->columns.push_back(std::move(arrival));
        batch->arenas.push_back(std::move(arena));
        return batch;
    }

private:
    std::mt19937 random_;
};

struct Outcome {
    std::string rows;
    std::map<std::string, int> errors;

    void add(const Program& program, const Emitted& emitted) {
        const StreamInfo& stream = program.streams()[emitted.stream.value()];
        for (std::uint32_t row = 0; row < emitted.rows->rows; ++row) {
            if (emitted.stream == program.error_stream()) {
                ++errors[std::string(emitted.rows->columns[2]->values<std::string_view>()[row])];
            } else if (stream.name == "O") {
                rows += fmt::format("{} ", emitted.rows->time_of(row).value());
                encode_json_row(*emitted.rows, row, stream.columns, rows);
                rows += '\n';
            }
        }
    }
};

class Chunks final : public ChunkSink, public ChunkSource {
public:
    void chunk(std::string bytes) override { chunks_.push_back(std::move(bytes)); }
    std::optional<std::string_view> next() override {
        if (at_ == chunks_.size()) return std::nullopt;
        return chunks_[at_++];
    }

private:
    std::deque<std::string> chunks_;
    std::size_t at_ = 0;
};

// All rows one after the other into as many batches as the cuts say.
std::vector<BatchRef> cut_into_rows(const BatchRef& batch) {
    std::vector<BatchRef> result;
    for (std::uint32_t row = 0; row < batch->rows; ++row) {
        auto list = static_cast<std::uint16_t>(row);
        result.push_back(exec::compact(batch, Rows{batch->rows, 1, &list}));
    }
    return result;
}

Outcome run_engine(const std::shared_ptr<const Program>& program, const std::vector<BatchRef>& batches, bool cut,
                   bool restores) {
    Outcome outcome;
    auto engine = std::make_unique<Engine>(program, EngineOptions{});
    const auto drain = [&] {
        WorkBudget budget;
        do {
            engine->run(budget);
            while (const auto emitted = engine->take()) outcome.add(*program, *emitted);
        } while (!engine->idle());
    };
    RowTime last{};
    for (const BatchRef& batch : batches) {
        engine->begin_turn(RowTime(0));
        for (const BatchRef& part : cut ? cut_into_rows(batch) : std::vector<BatchRef>{batch}) {
            engine->push(InputIx(0), part);
            drain();
        }
        last = batch->last_time();
        if (!restores) continue;
        Chunks chunks;
        engine->collect(chunks, {});
        auto restored = Engine::restore(program, {}, chunks);
        EXPECT_TRUE(restored);
        if (restored) engine = *std::move(restored);
    }
    engine->begin_turn(RowTime(0));
    engine->advance(InputIx(0), last.plus(std::int64_t{90} * 86'400'000));
    drain();
    return outcome;
}

Outcome run_reference(const std::shared_ptr<const Program>& program, const std::vector<BatchRef>& batches) {
    Outcome outcome;
    Reference reference(program, RowTime(0));
    RowTime last{};
    const auto drain = [&] {
        for (const Emitted& emitted : reference.take()) outcome.add(*program, emitted);
    };
    for (const BatchRef& batch : batches) {
        reference.begin_turn(RowTime(0));
        reference.push(0, *batch);
        last = batch->last_time();
        drain();
    }
    reference.begin_turn(RowTime(0));
    reference.advance_all(last.plus(std::int64_t{90} * 86'400'000));
    drain();
    return outcome;
}

TEST(Property, the_engine_gives_what_the_reference_gives) {
    const char* given = std::getenv("RIACHO_SEED");
    const char* rounds = std::getenv("RIACHO_ROUNDS");
    const auto first = static_cast<std::uint32_t>(given != nullptr ? std::atoi(given) : 1);
    const auto count = static_cast<std::uint32_t>(rounds != nullptr ? std::atoi(rounds) : given != nullptr ? 1 : 400);
    std::uint32_t compiled = 0;
    for (std::uint32_t seed = first; seed < first + count; ++seed) {
        Generator generator(seed);
        Environment environment;
        InputSpec input;
        input.name = "S";
        input.columns = input_columns();
        environment.inputs.push_back(std::move(input));
        environment.outputs = {"O", "error_stream"};
        const std::string sql = fmt::format(
            "CREATE STREAM O (N {}, V VARCHAR(6), W TIMESTAMP, B BOOLEAN);\nCREATE PUMP P AS INSERT INTO O {};",
            generator.pick({"DOUBLE", "INTEGER", "DECIMAL(12,3)", "REAL"}), generator.query());
        const auto program = Program::compile(sql, environment);
        if (!program) continue;  // incompatible types
        ++compiled;
        std::vector<BatchRef> batches;
        std::int64_t time = 1'525'860'000'000;
        for (int i = 0; i < 6; ++i) batches.push_back(generator.rows(time));
        const Outcome expected = run_reference(*program, batches);
        for (const bool cut : {false, true}) {
            for (const bool restores : {false, true}) {
                const Outcome actual = run_engine(*program, batches, cut, restores);
                ASSERT_EQ(actual.rows, expected.rows)
                    << "RIACHO_SEED=" << seed << " cut " << cut << " restored " << restores << "\n"
                    << sql;
                ASSERT_EQ(actual.errors, expected.errors)
                    << "RIACHO_SEED=" << seed << " cut " << cut << " restored " << restores << "\n"
                    << sql;
            }
        }
    }
    EXPECT_GE(compiled, count / 4);
}

}  // namespace
}  // namespace riacho::sql
