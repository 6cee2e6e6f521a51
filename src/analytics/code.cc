#include "analytics/code.h"

#include <fmt/format.h>

#include "aws/gen/analytics_v2/errors.gen.h"
#include "base/try.h"
#include "sql/record/decoder.h"

namespace riacho::analytics {

namespace errors = api::analytics_v2::errors;

namespace {

Result<sql::Type> type_of(const SchemaColumn& column) {
    auto type = sql::parse_type(column.sql_type);
    if (type) return *type;
    return fail(errors::input_schema_invalid(fmt::format("column {}: {}", column.name, type.error().text)));
}

Result<sql::Environment> environment_of(const ApplicationSettings& settings) {
    sql::Environment environment;
    for (const InputSettings& input : settings.inputs) {
        std::vector<sql::Column> columns;
        for (const SchemaColumn& column : input.schema.columns) {
            TRY(const sql::Type type, type_of(column));
            columns.push_back({column.name, type});
        }
        for (std::string& name : stream_names_of(input)) {
            environment.inputs.push_back({std::move(name), columns, input.source.kind == Endpoint::Kind::stream});
        }
    }
    for (const OutputSettings& output : settings.outputs) environment.outputs.push_back(output.name);
    return environment;
}

aws::ApiError code_error(const std::vector<sql::Issue>& issues) {
    std::string text;
    for (const sql::Issue& issue : issues) {
        if (!text.empty()) text += '\n';
        text += issue.text;
    }
    return errors::code_invalid(text);
}

}  // namespace

Result<sql::RecordSchema> record_schema_of(const InputSettings& input) {
    sql::RecordSchema schema;
    schema.format = input.schema.format == RecordFormat::csv ? sql::RecordFormat::csv : sql::RecordFormat::json;
    schema.row_path = input.schema.row_path;
    schema.row_delimiter = input.schema.row_delimiter;
    schema.column_delimiter = input.schema.column_delimiter;
    for (const SchemaColumn& column : input.schema.columns) {
        TRY(const sql::Type type, type_of(column));
        schema.columns.push_back({column.name, column.mapping.value_or(""), type});
    }
    return schema;
}

Result<void> check_schema(const InputSettings& input) {
    TRY(const sql::RecordSchema schema, record_schema_of(input));
    const auto checked = sql::check_schema(schema);
    if (!checked) return fail(errors::input_schema_invalid(checked.error()));
    return {};
}

Result<void> check_code(const ApplicationSettings& settings) {
    if (settings.code.empty()) return {};
    if (settings.inputs.empty()) {
        const auto checked = sql::check_syntax(settings.code);
        if (!checked) return fail(errors::code_invalid(checked.error().text));
        return {};
    }
    TRY_VOID(compile_code(settings));
    return {};
}

Result<std::shared_ptr<const sql::Program>> compile_code(const ApplicationSettings& settings) {
    TRY(const sql::Environment environment, environment_of(settings));
    auto program = sql::Program::compile(settings.code, environment);
    if (!program) return fail(code_error(program.error()));
    return *std::move(program);
}

}  // namespace riacho::analytics
