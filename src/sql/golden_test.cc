// Runs all of tests/sql: goldens, refusals, functions, casts; each in every way of design 8.1.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "sql/test/run_test.h"

namespace riacho::sql {
namespace {

std::vector<std::string> test_files() {
    std::vector<std::string> files;
    for (const auto& entry : std::filesystem::recursive_directory_iterator("tests/sql")) {
        if (entry.path().extension() == ".test") files.push_back(entry.path().string());
    }
    std::ranges::sort(files);
    return files;
}

void run_all(TestMode mode) {
    const auto files = test_files();
    ASSERT_GT(files.size(), 20U);
    for (const std::string& path : files) {
        std::ifstream in(path);
        std::stringstream text;
        text << in.rdbuf();
        const auto files_of_it = parse_test(path, text.str());
        if (!files_of_it) {
            ADD_FAILURE() << files_of_it.error();
            continue;
        }
        for (const TestFile& file : *files_of_it) {
            for (const std::string& problem : run_test(file, mode)) ADD_FAILURE() << problem;
        }
    }
}

TEST(Golden, one_row_per_push) { run_all(TestMode::rows); }
TEST(Golden, rows_together) { run_all(TestMode::together); }
TEST(Golden, restored_after_every_step) { run_all(TestMode::restored); }
TEST(Golden, reference_interpreter) { run_all(TestMode::reference); }

// Passes recurse over the tree on the stack: the limits of the parser keep it shallow enough.
TEST(Limits, long_chains_and_deep_nests) {
    Environment environment;
    InputSpec input;
    input.name = "S";
    input.columns = {{"X", simple_type(Kind::integer)}};
    environment.inputs.push_back(input);
    environment.outputs = {"O"};
    const auto compile = [&](const std::string& item, const std::string& tail) {
        return Program::compile("CREATE STREAM O (N BIGINT); CREATE PUMP P AS INSERT INTO O SELECT STREAM " + item +
                                    " FROM S " + tail + ";",
                                environment);
    };
    std::string sum = "x";
    std::string both = "x = 0";
    for (int i = 0; i < 400; ++i) {
        sum += " + 1";
        both += i % 2 == 0 ? " OR x / 1 = 1" : " AND x IS NOT NULL";
    }
    std::string nested = "x";
    for (int i = 0; i < 40; ++i) nested = "CASE WHEN (" + nested + ") > 0 THEN 1 ELSE 0 END";
    const std::string groups = "GROUP BY FLOOR(S.ROWTIME TO HOUR), x";
    for (const auto& [item, tail] : {std::pair(sum, "WHERE " + both), std::pair(nested, std::string()),
                                     std::pair(sum + " + COUNT(*)", groups), std::pair("COUNT(*) + " + sum, groups)}) {
        const auto program = compile(item, tail);
        ASSERT_TRUE(program) << program.error().front().text;
        Engine engine(*program, {});
        auto batch = std::make_shared<Batch>();
        batch->rows = 1;
        batch->rowtime = make_rowtime(RowTime(1), 1);
        auto x = std::make_shared<Vector>(simple_type(Kind::integer));
        x->values<std::int64_t>()[0] = 1;
        batch->columns = {x, nullptr};
        engine.push(InputIx(0), batch);
        engine.advance(InputIx(0), RowTime(3'600'000));
        WorkBudget budget;
        engine.run(budget);
        EXPECT_TRUE(engine.take());
    }
    EXPECT_FALSE(compile(std::string(300, '(') + "x" + std::string(300, ')'), ""));
    std::string endless = "x";
    for (int i = 0; i < 5'000; ++i) endless += " + 1";
    EXPECT_FALSE(compile(endless, ""));
    // A tree that is deep on its left side at many levels, and one whose parts multiply.
    std::string comb = "x";
    for (int level = 0; level < 9; ++level) {
        for (int i = 0; i < 450; ++i) comb += "+x";
        comb = "(" + comb + ")";
    }
    EXPECT_FALSE(compile(comb, ""));
    std::string doubled = "x";
    for (int i = 0; i < 60; ++i) doubled = "NULLIF(" + doubled + ", 1)";
    EXPECT_FALSE(compile(doubled, ""));
    std::string between = "x";
    for (int i = 0; i < 40; ++i) between = "CASE WHEN " + between + " BETWEEN SYMMETRIC 1 AND 2 THEN 1 ELSE 2 END";
    EXPECT_FALSE(compile("1", "WHERE " + between + " = 1"));
    EXPECT_FALSE(check_syntax("SELECT STREAM '" + std::string(200'000, 'a') + "' FROM S"));
}

}  // namespace
}  // namespace riacho::sql
