// The SQL of an application: converts settings to the input of the compiler in sql/.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "analytics/service.h"
#include "sql/program.h"
#include "sql/record/schema.h"

namespace riacho::analytics {

// The record format of an input. InvalidArgumentException for an invalid type or mapping.
Result<sql::RecordSchema> record_schema_of(const InputSettings& input);
// Checks the record format of an input.
Result<void> check_schema(const InputSettings& input);

// CodeValidationException with the first issue, the others on lines of their own. Without an input the names of the
// code are unknown, and only its syntax is checked (spec 4.1).
Result<void> check_code(const ApplicationSettings& settings);

// Compiles settings that were checked; it can still fail if an older server checked them.
Result<std::shared_ptr<const sql::Program>> compile_code(const ApplicationSettings& settings);

}  // namespace riacho::analytics
