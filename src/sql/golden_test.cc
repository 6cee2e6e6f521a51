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

}  // namespace
}  // namespace riacho::sql
