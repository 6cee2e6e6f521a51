// The record format of an input (S5.2 to S5.4): settings whose form was checked.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "sql/types/type.h"

namespace riacho::sql {

enum class RecordFormat : std::uint8_t { json, csv };

struct RecordColumn {
    std::string name;
    std::string mapping;  // JSON: "$.a.b", "$.rows[0:].x"; CSV: not used
    Type type;
};

struct RecordSchema {
    RecordFormat format = RecordFormat::json;
    std::string row_path = "$";        // JSON: RecordRowPath
    std::string row_delimiter = "\n";  // CSV
    std::string column_delimiter = ",";
    std::vector<RecordColumn> columns;
};

}  // namespace riacho::sql
