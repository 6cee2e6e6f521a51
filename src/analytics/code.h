// The SQL of an application: settings become what sql/ compiles.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "analytics/service.h"
#include "sql/program.h"
#include "sql/record/schema.h"

namespace riacho::analytics {

// The record format of an input. InvalidArgumentException about a type or a mapping that is none.
Result<sql::RecordSchema> record_schema_of(const InputSettings& input);
// Whether it can be read like this at all.
Result<void> check_schema(const InputSettings& input);

// CodeValidationException with the first issue, the others on lines of their own. Without an input the names in the
// text are not known, and only its syntax is checked (spec 4.1).
Result<void> check_code(const ApplicationSettings& settings);

// The program of settings that were checked; an error all the same when an older server had checked them.
Result<std::shared_ptr<const sql::Program>> compile_code(const ApplicationSettings& settings);

}  // namespace riacho::analytics
