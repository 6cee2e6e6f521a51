// Paths of a JSON schema: RecordRowPath and Mapping (S5.3).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "sql/record/schema.h"

namespace riacho::sql {

// "$.a.b[0:].c": each step a member, or all elements of an array.
struct PathStep {
    bool is_array = false;
    std::string member;
    friend bool operator==(const PathStep&, const PathStep&) = default;
};
using Path = std::vector<PathStep>;
[[nodiscard]] Expected<Path, std::string> parse_path(std::string_view text);

// The path of a column: in the document, in each element of the row array, or both.
struct ColumnPath {
    Path document;  // from the root; empty with in_document false
    Path element;   // from an element
    bool in_document = false;
    bool in_element = false;
};
struct PathPlan {
    bool has_array = false;
    Path array;  // to the array, without its [0:]
    std::vector<ColumnPath> columns;
};
[[nodiscard]] Expected<PathPlan, std::string> plan_paths(const RecordSchema& schema);

}  // namespace riacho::sql
