// The .test files of tests/sql (design 8.1): an application, input rows and ticks, and the expected rows.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "sql/engine.h"

namespace riacho::sql {

// One value of an expected row; nothing: NULL.
using TestValue = std::optional<std::string>;

struct ExpectedRow {
    std::string stream;
    RowTime time{};
    std::vector<TestValue> values;
    bool any_order = false;  // among its neighbours that say so, of one stream and time
    std::uint32_t line = 0;
};

struct ExpectedError {
    std::string pump;
    std::string name;
    std::uint32_t line = 0;
};

// A row or a tick, and the rows expected before the next.
struct TestStep {
    enum class Kind : std::uint8_t { row, record, tick } kind = Kind::row;
    std::uint32_t line = 0;
    std::uint32_t input = 0;
    RowTime time{};
    std::vector<TestValue> values;  // row
    std::string record;
    std::vector<ExpectedRow> rows;
    std::vector<ExpectedError> errors;
};

struct Refusal {
    std::uint32_t sql_line = 0;
    std::uint32_t sql_column = 0;
    std::string text;  // a part of the issue's
};

struct TestFile {
    std::string path;
    Environment environment;
    std::string sql;
    std::vector<TestStep> steps;
    std::optional<Refusal> refusal;
    std::optional<std::string> explain;
};

// The applications of a file: a further `sql` block after a `refuse` begins another one with the same inputs. The error
// has the line and the problem.
[[nodiscard]] Expected<std::vector<TestFile>, std::string> parse_test(std::string path, std::string_view text);

}  // namespace riacho::sql
