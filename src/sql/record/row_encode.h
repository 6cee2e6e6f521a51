// Encodes rows in the formats of destinations (S6).
#pragma once

#include <span>
#include <string>

#include "sql/batch/batch.h"
#include "sql/program.h"

namespace riacho::sql {

// Appends one JSON object without a line end: keys as declared, NULL as null, TIMESTAMP as "yyyy-MM-dd HH:mm:ss.SSS",
// BINARY as base64. ROWTIME is not in it.
void encode_json_row(const Batch& batch, std::uint32_t row, std::span<const Column> columns, std::string& out);
// Appends one line with its "\n"; a field is quoted only when it holds a comma, a quote or a line end.
void encode_csv_row(const Batch& batch, std::uint32_t row, std::span<const Column> columns, std::string& out);

}  // namespace riacho::sql
