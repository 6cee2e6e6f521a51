// Runs a .test file through the engine in several ways, all with the same results.
#pragma once

#include <string>
#include <vector>

#include "sql/test/test_file.h"

namespace riacho::sql {

enum class TestMode : std::uint8_t {
    rows,       // one row per push
    together,   // all rows between two expectations in one push
    restored,   // collect and restore after every step
    reference,  // through the naive interpreter
};

// All failures, one sentence each, with the line of the file.
[[nodiscard]] std::vector<std::string> run_test(const TestFile& file, TestMode mode);

}  // namespace riacho::sql
