// Conversion of the shapes of both API versions, which differ little, to settings. Private to ops/.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "analytics/control.h"
#include "analytics/model.h"
#include "aws/gen/analytics_v2/errors.gen.h"
#include "base/try.h"

namespace riacho::analytics {

namespace errors = api::analytics_v2::errors;

// Version 1 has a role for each resource.
template <class Resource>
std::string role_of(const Resource& resource) {
    if constexpr (requires { resource.role_arn; }) {
        return std::string(resource.role_arn);
    } else {
        return {};
    }
}

template <class Resource>
Endpoint to_endpoint(Endpoint::Kind kind, const Resource& resource) {
    return {kind, std::string(resource.resource_arn), role_of(resource)};
}

template <class Format>
RecordFormat to_format(Format format) {
    return format == Format::csv ? RecordFormat::csv : RecordFormat::json;
}

template <class Format>
void apply_format(const Format& given, SourceSchema& schema) {
    schema.format = to_format(given.record_format_type);
    schema.has_parameters = false;
    schema.row_path = "$";
    schema.row_delimiter = "\n";
    schema.column_delimiter = ",";
    if (!given.mapping_parameters) return;
    if (const auto& json = given.mapping_parameters->json_mapping_parameters;
        json && schema.format == RecordFormat::json) {
        schema.has_parameters = true;
        schema.row_path = json->record_row_path;
    }
    if (const auto& csv = given.mapping_parameters->csv_mapping_parameters; csv && schema.format == RecordFormat::csv) {
        schema.has_parameters = true;
        schema.row_delimiter = csv->record_row_delimiter;
        schema.column_delimiter = csv->record_column_delimiter;
    }
}

template <class Column>
std::vector<SchemaColumn> to_columns(const std::vector<Column>& given) {
    std::vector<SchemaColumn> columns;
    for (const Column& column : given) columns.push_back({column.name, column.mapping, column.sql_type});
    return columns;
}

template <class Schema>
SourceSchema to_schema(const Schema& given) {
    SourceSchema schema;
    apply_format(given.record_format, schema);
    schema.encoding = given.record_encoding;
    schema.columns = to_columns(given.record_columns);
    return schema;
}

template <class Input>
Result<InputSettings> to_input(const Input& given) {
    if (given.kinesis_streams_input.has_value() == given.kinesis_firehose_input.has_value()) {
        return fail(errors::input_needs_one_source());
    }
    if (given.input_processing_configuration) {
        return fail(errors::feature_not_supported("InputProcessingConfiguration (pre-processing with Lambda)"));
    }
    InputSettings input;
    input.name_prefix = given.name_prefix;
    input.source = given.kinesis_streams_input
                       ? to_endpoint(Endpoint::Kind::stream, *given.kinesis_streams_input)
                       : to_endpoint(Endpoint::Kind::delivery_stream, *given.kinesis_firehose_input);
    if (given.input_parallelism) input.parallelism = given.input_parallelism->count.value_or(1);
    input.schema = to_schema(given.input_schema);
    return input;
}

template <class Output>
Result<OutputSettings> to_output(const Output& given) {
    const int destinations = int{given.kinesis_streams_output.has_value()} +
                             int{given.kinesis_firehose_output.has_value()} + int{given.lambda_output.has_value()};
    if (destinations != 1) return fail(errors::output_needs_one_destination());
    if (given.lambda_output) return fail(errors::feature_not_supported("LambdaOutput (an output to Lambda)"));
    OutputSettings output;
    output.name = given.name;
    output.destination = given.kinesis_streams_output
                             ? to_endpoint(Endpoint::Kind::stream, *given.kinesis_streams_output)
                             : to_endpoint(Endpoint::Kind::delivery_stream, *given.kinesis_firehose_output);
    output.format = to_format(given.destination_schema.record_format_type);
    return output;
}

template <class Option>
LoggingOption to_logging(const Option& given) {
    return {{}, std::string(given.log_stream_arn), role_of(given)};
}

template <class Inputs>
Result<void> add_inputs(const Inputs& given, ApplicationSettings& settings) {
    if (!given) return {};
    for (const auto& wanted : *given) {
        TRY(InputSettings input, to_input(wanted));
        settings.inputs.push_back(std::move(input));
    }
    return {};
}

template <class Outputs>
Result<void> add_outputs(const Outputs& given, ApplicationSettings& settings) {
    if (!given) return {};
    for (const auto& wanted : *given) {
        TRY(OutputSettings output, to_output(wanted));
        settings.outputs.push_back(std::move(output));
    }
    return {};
}

template <class Options>
void add_logging(const Options& given, ApplicationSettings& settings) {
    if (!given) return;
    for (const auto& wanted : *given) settings.logging.push_back(to_logging(wanted));
}

template <class Tags>
Result<catalog::Tags> to_tags(const Tags& given) {
    std::vector<std::pair<std::string, std::string>> tags;
    for (const auto& tag : given) tags.emplace_back(tag.key, tag.value.value_or(""));
    return checked_tags(std::move(tags));
}

template <class Resource>
Resource* find_by_id(std::vector<Resource>& resources, std::string_view id) {
    for (Resource& resource : resources) {
        if (resource.id == id) return &resource;
    }
    return nullptr;
}

// Changes the ARN and the role of an input's or an output's endpoint, and its kind, if an update is given.
template <class Update>
void apply_endpoint(Endpoint::Kind kind, const std::optional<Update>& update, Endpoint& endpoint) {
    if (!update) return;
    if constexpr (requires { update->role_arn_update; }) {
        if (update->resource_arn_update) endpoint.arn = *update->resource_arn_update;
        if (update->role_arn_update) endpoint.role = *update->role_arn_update;
    } else {
        endpoint.arn = update->resource_arn_update;
    }
    endpoint.kind = kind;
}

template <class Update>
Result<void> apply_input_update(AnalyticsOp op, std::string_view application, const Update& update,
                                ApplicationSettings& settings) {
    InputSettings* input = find_by_id(settings.inputs, update.input_id);
    if (input == nullptr) return fail(errors::input_not_found(application, update.input_id));
    if (update.input_processing_configuration_update) {
        return fail(errors::feature_not_supported("InputProcessingConfiguration (pre-processing with Lambda)"));
    }
    if (update.kinesis_streams_input_update && update.kinesis_firehose_input_update) {
        return fail(errors::input_needs_one_source());
    }
    if (update.name_prefix_update) input->name_prefix = *update.name_prefix_update;
    apply_endpoint(Endpoint::Kind::stream, update.kinesis_streams_input_update, input->source);
    apply_endpoint(Endpoint::Kind::delivery_stream, update.kinesis_firehose_input_update, input->source);
    if (const auto& schema = update.input_schema_update) {
        if (schema->record_format_update) apply_format(*schema->record_format_update, input->schema);
        if (schema->record_encoding_update) input->schema.encoding = std::string(*schema->record_encoding_update);
        if (schema->record_column_updates) input->schema.columns = to_columns(*schema->record_column_updates);
    }
    if (update.input_parallelism_update) {
        const auto count = update.input_parallelism_update->count_update;
        if constexpr (requires { count.value(); }) {
            if (count) input->parallelism = *count;
        } else {
            input->parallelism = count;
        }
    }
    return check_input(op, *input);
}

template <class Update>
Result<void> apply_output_update(std::string_view application, const Update& update, ApplicationSettings& settings) {
    OutputSettings* output = find_by_id(settings.outputs, update.output_id);
    if (output == nullptr) return fail(errors::output_not_found(application, update.output_id));
    if (update.lambda_output_update) {
        return fail(errors::feature_not_supported("LambdaOutput (an output to Lambda)"));
    }
    if (update.kinesis_streams_output_update && update.kinesis_firehose_output_update) {
        return fail(errors::output_needs_one_destination());
    }
    if (update.name_update) output->name = *update.name_update;
    apply_endpoint(Endpoint::Kind::stream, update.kinesis_streams_output_update, output->destination);
    apply_endpoint(Endpoint::Kind::delivery_stream, update.kinesis_firehose_output_update, output->destination);
    if (update.destination_schema_update) {
        output->format = to_format(update.destination_schema_update->record_format_type);
    }
    return check_output(*output);
}

template <class Update>
Result<void> apply_logging_update(std::string_view application, const Update& update, ApplicationSettings& settings) {
    LoggingOption* option = find_by_id(settings.logging, update.cloud_watch_logging_option_id);
    if (option == nullptr) {
        return fail(errors::logging_option_not_found(application, update.cloud_watch_logging_option_id));
    }
    if (update.log_stream_arn_update) option->log_stream_arn = *update.log_stream_arn_update;
    if constexpr (requires { update.role_arn_update; }) {
        if (update.role_arn_update) option->role = *update.role_arn_update;
    }
    return {};
}

}  // namespace riacho::analytics
