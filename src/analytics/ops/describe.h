// Conversion of settings to the descriptions of both API versions. Private to ops/.
#pragma once

#include <string>
#include <type_traits>
#include <vector>

#include "analytics/model.h"

namespace riacho::analytics {

template <class Format>
Format to_api_format(RecordFormat format) {
    return format == RecordFormat::csv ? Format::csv : Format::json;
}

template <class Schema>
Schema describe_schema(const SourceSchema& schema) {
    Schema out;
    out.record_format.record_format_type = to_api_format<decltype(out.record_format.record_format_type)>(schema.format);
    if (schema.has_parameters) {
        auto& parameters = out.record_format.mapping_parameters.emplace();
        if (schema.format == RecordFormat::json) {
            parameters.json_mapping_parameters.emplace().record_row_path = schema.row_path;
        } else {
            auto& csv = parameters.csv_mapping_parameters.emplace();
            csv.record_row_delimiter = schema.row_delimiter;
            csv.record_column_delimiter = schema.column_delimiter;
        }
    }
    out.record_encoding = schema.encoding;
    for (const SchemaColumn& column : schema.columns) {
        auto& told = out.record_columns.emplace_back();
        told.name = column.name;
        told.mapping = column.mapping;
        told.sql_type = column.sql_type;
    }
    return out;
}

// The description of a resource; version 1 shows a role with each, at least the application's own.
template <class Description>
void describe_endpoint(const Endpoint& endpoint, const std::string& role, std::optional<Description>& out) {
    out.emplace();
    out->resource_arn = endpoint.arn;
    if (!role.empty()) out->role_arn = role;
}

// default_role: the role shown for resources without their own; empty: none is shown.
template <class Description>
Description describe_input(const InputSettings& input, const std::string& default_role) {
    Description out;
    out.input_id = input.id;
    out.name_prefix = input.name_prefix;
    out.in_app_stream_names = stream_names_of(input);
    const std::string& role = input.source.role.empty() ? default_role : input.source.role;
    if (input.source.kind == Endpoint::Kind::stream) {
        describe_endpoint(input.source, role, out.kinesis_streams_input_description);
    } else {
        describe_endpoint(input.source, role, out.kinesis_firehose_input_description);
    }
    using Schema = std::decay_t<decltype(*out.input_schema)>;
    out.input_schema = describe_schema<Schema>(input.schema);
    out.input_parallelism.emplace().count = input.parallelism;
    auto& position = out.input_starting_position_configuration.emplace();
    if (input.position) {
        using Told = std::decay_t<decltype(*position.input_starting_position)>;
        position.input_starting_position = static_cast<Told>(*input.position);  // numbered alike
    }
    return out;
}

template <class Description>
Description describe_output(const OutputSettings& output, const std::string& default_role) {
    Description out;
    out.output_id = output.id;
    out.name = output.name;
    const std::string& role = output.destination.role.empty() ? default_role : output.destination.role;
    if (output.destination.kind == Endpoint::Kind::stream) {
        describe_endpoint(output.destination, role, out.kinesis_streams_output_description);
    } else {
        describe_endpoint(output.destination, role, out.kinesis_firehose_output_description);
    }
    auto& schema = out.destination_schema.emplace();
    schema.record_format_type = to_api_format<decltype(schema.record_format_type)>(output.format);
    return out;
}

template <class Description>
Description describe_logging(const LoggingOption& option, const std::string& default_role) {
    Description out;
    out.cloud_watch_logging_option_id = option.id;
    out.log_stream_arn = option.log_stream_arn;
    const std::string& role = option.role.empty() ? default_role : option.role;
    if (!role.empty()) out.role_arn = role;
    return out;
}

template <class Description>
std::vector<Description> describe_all(const std::vector<InputSettings>& inputs, const std::string& default_role) {
    std::vector<Description> out;
    for (const InputSettings& input : inputs) out.push_back(describe_input<Description>(input, default_role));
    return out;
}
template <class Description>
std::vector<Description> describe_all(const std::vector<OutputSettings>& outputs, const std::string& default_role) {
    std::vector<Description> out;
    for (const OutputSettings& output : outputs) out.push_back(describe_output<Description>(output, default_role));
    return out;
}
template <class Description>
std::vector<Description> describe_all(const std::vector<LoggingOption>& options, const std::string& default_role) {
    std::vector<Description> out;
    for (const LoggingOption& option : options) out.push_back(describe_logging<Description>(option, default_role));
    return out;
}

}  // namespace riacho::analytics
