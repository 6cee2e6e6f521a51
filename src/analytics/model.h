// The settings of an application in the catalog (ObjectState::settings).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "catalog/model.h"

namespace riacho::analytics {

// The numbers of the enumerators are on disk (docs/formats/applications.md).
enum class Phase : std::uint8_t { ready, starting, running, stopping, updating };
enum class Position : std::uint8_t { now, trim_horizon, last_stopped_point };
enum class RecordFormat : std::uint8_t { json, csv };

struct SchemaColumn {
    std::string name;
    std::optional<std::string> mapping;
    std::string sql_type;  // as given: "VARCHAR(4)"
    friend bool operator==(const SchemaColumn&, const SchemaColumn&) = default;
};

// The mapping of source records to rows.
struct SourceSchema {
    RecordFormat format = RecordFormat::json;
    bool has_parameters = false;   // MappingParameters were given
    std::string row_path;          // JSON
    std::string row_delimiter;     // CSV
    std::string column_delimiter;  // CSV
    std::optional<std::string> encoding;
    std::vector<SchemaColumn> columns;
    friend bool operator==(const SourceSchema&, const SourceSchema&) = default;
};

// A stream or delivery stream, and the role that version 1 requires for each.
struct Endpoint {
    enum class Kind : std::uint8_t { stream, delivery_stream };
    Kind kind = Kind::stream;
    std::string arn;
    std::string role;  // empty: the application's
    friend bool operator==(const Endpoint&, const Endpoint&) = default;
};

struct InputSettings {
    std::string id;  // "1.1": the version that added it, and its number among those added by that version
    std::string name_prefix;
    Endpoint source;
    std::int32_t parallelism = 1;
    SourceSchema schema;
    std::optional<Position> position;  // at which the last start began
    friend bool operator==(const InputSettings&, const InputSettings&) = default;
};

struct OutputSettings {
    std::string id;
    std::string name;  // of the in-application stream
    Endpoint destination;
    RecordFormat format = RecordFormat::json;
    friend bool operator==(const OutputSettings&, const OutputSettings&) = default;
};

struct LoggingOption {
    std::string id;
    std::string log_stream_arn;
    std::string role;
    friend bool operator==(const LoggingOption&, const LoggingOption&) = default;
};

struct ApplicationSettings {
    std::uint64_t version = 1;  // ApplicationVersionId
    Phase phase = Phase::ready;
    // Every start with a position other than LAST_STOPPED_POINT begins a run; turns, state and progress have its
    // number.
    std::uint64_t run = 0;
    TimestampMs updated_at;
    // The time of NOW: when StartApplication was called.
    TimestampMs started_at;
    std::optional<std::string> description;
    std::string role;  // ServiceExecutionRole of version 2; empty: made by version 1
    std::string user;  // the user who made it, if users are known; the application has this user's rights
    std::string code;
    std::vector<InputSettings> inputs;
    std::vector<OutputSettings> outputs;
    std::vector<LoggingOption> logging;
    friend bool operator==(const ApplicationSettings&, const ApplicationSettings&) = default;
};

inline constexpr std::size_t outputs_max = 3;
// AWS: spec 9.3, in characters.
inline constexpr std::size_t code_size_max = 102'400;
// The shards of an application, as indexes of ObjectState::shards.
inline constexpr std::size_t turns_shard = 0;
inline constexpr std::size_t state_shard = 1;

std::string encode(const ApplicationSettings& settings);
Expected<ApplicationSettings, catalog::DecodeError> decode_application(std::string_view bytes);

// SOURCE_SQL_STREAM_001 and so on, for each of its parallel streams.
std::vector<std::string> stream_names_of(const InputSettings& input);

}  // namespace riacho::analytics
