#include "analytics/model.h"

#include <fmt/format.h>

#include "base/codec.h"

namespace riacho::analytics {
namespace {

constexpr std::uint8_t application_format = 1;

template <class Enum>
void put_enum(Encoder& out, Enum value) {
    out.number(static_cast<std::uint8_t>(value));
}

template <class Enum>
Enum get_enum(Decoder& in, Enum last) {
    const auto value = in.number<std::uint8_t>();
    if (value > static_cast<std::uint8_t>(last)) in.fail();
    return static_cast<Enum>(value);
}

void put(Encoder& out, const SourceSchema& schema) {
    put_enum(out, schema.format);
    out.number(static_cast<std::uint8_t>(schema.has_parameters));
    out.text(schema.row_path);
    out.text(schema.row_delimiter);
    out.text(schema.column_delimiter);
    out.optional_text(schema.encoding);
    out.varint(schema.columns.size());
    for (const SchemaColumn& column : schema.columns) {
        out.text(column.name);
        out.optional_text(column.mapping);
        out.text(column.sql_type);
    }
}

SourceSchema get_schema(Decoder& in) {
    SourceSchema schema;
    schema.format = get_enum(in, RecordFormat::csv);
    schema.has_parameters = in.number<std::uint8_t>() != 0;
    schema.row_path = in.text();
    schema.row_delimiter = in.text();
    schema.column_delimiter = in.text();
    schema.encoding = in.optional_text();
    for (std::size_t left = in.count(); left > 0 && in.ok(); --left) {
        SchemaColumn& column = schema.columns.emplace_back();
        column.name = in.text();
        column.mapping = in.optional_text();
        column.sql_type = in.text();
    }
    return schema;
}

void put(Encoder& out, const Endpoint& endpoint) {
    put_enum(out, endpoint.kind);
    out.text(endpoint.arn);
    out.text(endpoint.role);
}

Endpoint get_endpoint(Decoder& in) {
    Endpoint endpoint;
    endpoint.kind = get_enum(in, Endpoint::Kind::delivery_stream);
    endpoint.arn = in.text();
    endpoint.role = in.text();
    return endpoint;
}

void put(Encoder& out, const InputSettings& input) {
    out.text(input.id);
    out.text(input.name_prefix);
    put(out, input.source);
    out.number(static_cast<std::uint32_t>(input.parallelism));
    put(out, input.schema);
    out.number(static_cast<std::uint8_t>(input.position.has_value()));
    if (input.position) put_enum(out, *input.position);
}

InputSettings get_input(Decoder& in) {
    InputSettings input;
    input.id = in.text();
    input.name_prefix = in.text();
    input.source = get_endpoint(in);
    input.parallelism = static_cast<std::int32_t>(in.number<std::uint32_t>());
    input.schema = get_schema(in);
    if (in.number<std::uint8_t>() != 0) input.position = get_enum(in, Position::last_stopped_point);
    return input;
}

}  // namespace

std::string encode(const ApplicationSettings& settings) {
    Encoder out;
    out.number(application_format);
    out.number(settings.version);
    put_enum(out, settings.phase);
    out.number(settings.run);
    out.time(settings.updated_at);
    out.time(settings.started_at);
    out.optional_text(settings.description);
    out.text(settings.role);
    out.text(settings.user);
    out.text(settings.code);
    out.varint(settings.inputs.size());
    for (const InputSettings& input : settings.inputs) put(out, input);
    out.varint(settings.outputs.size());
    for (const OutputSettings& output : settings.outputs) {
        out.text(output.id);
        out.text(output.name);
        put(out, output.destination);
        put_enum(out, output.format);
    }
    out.varint(settings.logging.size());
    for (const LoggingOption& option : settings.logging) {
        out.text(option.id);
        out.text(option.log_stream_arn);
        out.text(option.role);
    }
    return out.take();
}

Expected<ApplicationSettings, catalog::DecodeError> decode_application(std::string_view bytes) {
    Decoder in(bytes);
    if (in.number<std::uint8_t>() != application_format) {
        return fail(catalog::DecodeError{"an application of an unknown format"});
    }
    ApplicationSettings settings;
    settings.version = in.number<std::uint64_t>();
    settings.phase = get_enum(in, Phase::updating);
    settings.run = in.number<std::uint64_t>();
    settings.updated_at = in.time();
    settings.started_at = in.time();
    settings.description = in.optional_text();
    settings.role = in.text();
    settings.user = in.text();
    settings.code = in.text();
    for (std::size_t left = in.count(); left > 0 && in.ok(); --left) settings.inputs.push_back(get_input(in));
    for (std::size_t left = in.count(); left > 0 && in.ok(); --left) {
        OutputSettings& output = settings.outputs.emplace_back();
        output.id = in.text();
        output.name = in.text();
        output.destination = get_endpoint(in);
        output.format = get_enum(in, RecordFormat::csv);
    }
    for (std::size_t left = in.count(); left > 0 && in.ok(); --left) {
        LoggingOption& option = settings.logging.emplace_back();
        option.id = in.text();
        option.log_stream_arn = in.text();
        option.role = in.text();
    }
    if (!in.ok() || in.left() != 0) return fail(catalog::DecodeError{"a damaged application"});
    return settings;
}

std::vector<std::string> stream_names_of(const InputSettings& input) {
    std::vector<std::string> names;
    for (std::int32_t i = 1; i <= input.parallelism; ++i) {
        names.push_back(fmt::format("{}_{:03}", input.name_prefix, i));
    }
    return names;
}

}  // namespace riacho::analytics
