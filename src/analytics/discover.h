// DiscoverInputSchema: derives a schema from a sample of a stream's records.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "analytics/service.h"

namespace riacho::analytics {

struct DiscoverRequest {
    std::optional<std::string_view> stream_arn;
    bool has_s3 = false;
    bool has_processor = false;
    Position position = Position::now;
};

struct DiscoveredSchema {
    SourceSchema schema;
    std::vector<std::vector<std::string>> parsed;  // rows in the order of the columns; empty texts for missing values
    std::vector<std::string> raw;
};

// Reads a sample: from the oldest record on, or with NOW the records of the next seconds; if none arrive, the newest
// records. UnableToDetectSchemaException, with the records, when they have no known format.
Task<Result<DiscoveredSchema>> discover_schema(AnalyticsOp op, DiscoverRequest request);

}  // namespace riacho::analytics
