// Derives a schema from a sample of records: DiscoverInputSchema (S8).
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sql/record/schema.h"

namespace riacho::sql {

struct Discovered {
    RecordSchema schema;
    // Parsed rows in column order; nothing where a value is missing or does not fit the type.
    std::vector<std::vector<std::optional<std::string>>> rows;
};

// Nothing when the records have no known format. Records are UTF-8 texts; an S3 object is one record.
[[nodiscard]] std::optional<Discovered> discover_schema(std::span<const std::string_view> records);

}  // namespace riacho::sql
