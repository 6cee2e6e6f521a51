// Patterns that take long: rows one by one, limits of a row, and results that do not depend on batches.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "sql/engine.h"
#include "sql/record/row_encode.h"

namespace riacho::sql {
namespace {

struct Outcome {
    std::string rows;
    std::string errors;
    std::size_t runs = 0;
};

std::shared_ptr<const Program> compile(std::string_view select) {
    Environment environment;
    InputSpec input;
    input.name = "S";
    input.columns = {{"V", varchar_type(65'535)}, {"P", varchar_type(4'000)}};
    environment.inputs.push_back(std::move(input));
    environment.outputs = {"O"};
    auto program = Program::compile(
        fmt::format("CREATE STREAM O (V VARCHAR(65535)); CREATE PUMP P AS INSERT INTO O SELECT STREAM {};", select),
        environment);
    EXPECT_TRUE(program) << program.error().front().text;
    return program ? *program : nullptr;
}

BatchRef batch_of(const std::vector<std::string>& texts, std::size_t from, std::size_t count,
                  std::string_view pattern) {
    auto batch = std::make_shared<Batch>();
    auto arena = std::make_shared<Arena>();
    batch->rows = static_cast<std::uint32_t>(count);
    batch->rowtime = make_rowtime(RowTime(1'000), batch->rows);
    auto v = std::make_shared<Vector>(varchar_type(65'535));
    auto p = std::make_shared<Vector>(varchar_type(4'000));
    for (std::size_t i = 0; i < count; ++i) {
        v->values<std::string_view>()[i] = arena->copy(texts[from + i]);
        p->values<std::string_view>()[i] = arena->copy(pattern);
    }
    batch->columns = {v, p, nullptr};
    batch->arenas.push_back(std::move(arena));
    return batch;
}

// `slice`: the budget of one call of run().
Outcome run(const std::shared_ptr<const Program>& program, const std::vector<std::string>& texts, std::size_t cut,
            std::int64_t slice, std::string_view pattern = "") {
    Outcome outcome;
    Engine engine(program, {});
    for (std::size_t from = 0; from < texts.size(); from += cut) {
        engine.push(InputIx(0), batch_of(texts, from, std::min(cut, texts.size() - from), pattern));
        do {
            WorkBudget budget{slice};
            engine.run(budget);
            ++outcome.runs;
            while (const auto emitted = engine.take()) {
                for (std::uint32_t row = 0; row < emitted->rows->rows; ++row)
                    encode_json_row(*emitted->rows, row, program->streams()[emitted->stream.value()].columns,
                                    outcome.rows);
            }
        } while (!engine.idle());
    }
    for (const ErrorCount& error : engine.error_counts())
        outcome.errors += fmt::format("{} {} {};", error.name, error.pump, error.count);
    return outcome;
}

// Rows of which every tenth takes the regular expression a million steps.
std::vector<std::string> some_slow(std::size_t count) {
    std::vector<std::string> texts;
    for (std::size_t i = 0; i < count; ++i)
        texts.push_back(i % 10 == 3 ? std::string(28, 'a') + "b" : fmt::format("aaaa{}", i));
    return texts;
}

TEST(Patterns, slow_rows_are_errors_and_let_others_have_their_turn) {
    for (const std::string_view select : {
             "REGEX_REPLACE(v, '^(a+)+$', 'x', 1, 0) FROM S",
             "v FROM S WHERE v SIMILAR TO '((a|aa)+)+' OR v <> ''",
             "w FROM (SELECT STREAM REGEX_REPLACE(v, '^(a+)+$', 'x', 1, 0) AS w FROM S) AS t WHERE w <> ''",
         }) {
        const auto program = compile(select);
        ASSERT_NE(program, nullptr);
        const auto texts = some_slow(120);
        const Outcome whole = run(program, texts, 120, 400'000);
        EXPECT_EQ(whole.errors, "INVALID_ARGUMENT P 12;") << select;
        EXPECT_GE(whole.runs, 12U) << "a slow row is as much as a slice";
        const Outcome single = run(program, texts, 1, 400'000);
        EXPECT_EQ(single.rows, whole.rows);
        EXPECT_EQ(single.errors, whole.errors);
        EXPECT_EQ(std::count(whole.rows.begin(), whole.rows.end(), '}'), 108);
    }
}

TEST(Patterns, keys_of_groups_may_be_slow) {
    const auto program = compile(
        "REGEX_REPLACE(v, '^(a+)+$', 'x', 1, 0) FROM S"
        " GROUP BY REGEX_REPLACE(v, '^(a+)+$', 'x', 1, 0), FLOOR(S.ROWTIME TO MINUTE)");
    ASSERT_NE(program, nullptr);
    Engine engine(program, {});
    const auto texts = some_slow(30);
    engine.push(InputIx(0), batch_of(texts, 0, 30, ""));
    engine.advance(InputIx(0), RowTime(60'000));
    std::uint32_t rows = 0;
    do {
        WorkBudget budget;
        engine.run(budget);
        while (const auto emitted = engine.take()) rows += emitted->rows->rows;
    } while (!engine.idle());
    EXPECT_EQ(rows, 27U);
    ASSERT_EQ(engine.error_counts().size(), 1U);
    EXPECT_EQ(engine.error_counts()[0].count, 3U);
}

TEST(Patterns, like_has_a_limit_that_long_texts_do_not_reach) {
    const auto program = compile("v FROM S WHERE v LIKE p");
    ASSERT_NE(program, nullptr);
    const std::vector<std::string> texts(3, std::string(60'000, 'a'));
    EXPECT_EQ(run(program, texts, 3, 400'000, "%" + std::string(2'000, 'a') + "b%").errors, "INVALID_ARGUMENT P 3;");
    const Outcome found = run(program, texts, 3, 400'000, "%aaa");
    EXPECT_EQ(found.errors, "");
    EXPECT_EQ(found.rows.size(), 3 * (60'000 + std::string_view(R"({"V":""})").size()));
    EXPECT_EQ(run(program, texts, 3, 400'000, "%b%").rows, "");
}

TEST(Patterns, many_short_matches_in_a_text_are_no_error) {
    const auto program = compile("REGEX_REPLACE(v, 'a', 'c', 1, 0) FROM S");
    ASSERT_NE(program, nullptr);
    const Outcome outcome = run(program, {std::string(60'000, 'a'), "b"}, 2, 400'000);
    EXPECT_EQ(outcome.errors, "");
    EXPECT_EQ(outcome.rows, R"({"V":")" + std::string(60'000, 'c') + R"("}{"V":"b"})");
}

// As many as there are rows: compiling takes time, too.
TEST(Patterns, each_row_may_have_a_pattern_of_its_own) {
    const auto program = compile("REGEX_REPLACE('abc', v, 'x', 1, 0) FROM S");
    ASSERT_NE(program, nullptr);
    std::vector<std::string> texts;
    for (int i = 0; i < 300; ++i) texts.push_back(fmt::format("(a|{})+c?", i));
    texts.push_back("(");
    const Outcome outcome = run(program, texts, texts.size(), 400'000);
    EXPECT_EQ(outcome.errors, "INVALID_ARGUMENT P 1;");
    EXPECT_EQ(std::count(outcome.rows.begin(), outcome.rows.end(), '}'), 300);
}

}  // namespace
}  // namespace riacho::sql
