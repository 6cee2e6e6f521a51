// What operations of both API versions do to an application's settings, and their shapes that differ in nothing but the
// namespace. Private to ops/.
#pragma once

#include <string_view>
#include <utility>
#include <vector>

#include "analytics/control.h"
#include "analytics/discover.h"
#include "analytics/ops/convert.h"
#include "analytics/ops/describe.h"
#include "base/try.h"

namespace riacho::analytics {

// Changes of the settings, each for the request of one operation.
template <class Request>
Result<void> add_input(AnalyticsOp op, const Request& request, ApplicationSettings& settings) {
    TRY(InputSettings input, to_input(request.input));
    TRY_VOID(check_input(op, input));
    settings.inputs.push_back(std::move(input));
    return {};
}

template <class Request>
Result<void> add_output(AnalyticsOp, const Request& request, ApplicationSettings& settings) {
    TRY(OutputSettings output, to_output(request.output));
    TRY_VOID(check_output(output));
    settings.outputs.push_back(std::move(output));
    return {};
}

template <class Request>
Result<void> delete_output(AnalyticsOp, const Request& request, ApplicationSettings& settings) {
    const std::string_view id = request.output_id;
    if (std::erase_if(settings.outputs, [&](const auto& output) { return output.id == id; }) == 0) {
        return fail(errors::output_not_found(request.application_name, id));
    }
    return {};
}

template <class Request>
Result<void> add_logging_option(AnalyticsOp, const Request& request, ApplicationSettings& settings) {
    settings.logging.push_back(to_logging(request.cloud_watch_logging_option));
    return {};
}

template <class Request>
Result<void> delete_logging_option(AnalyticsOp, const Request& request, ApplicationSettings& settings) {
    const std::string_view id = request.cloud_watch_logging_option_id;
    if (std::erase_if(settings.logging, [&](const auto& option) { return option.id == id; }) == 0) {
        return fail(errors::logging_option_not_found(request.application_name, id));
    }
    return {};
}

template <class Request>
DiscoverRequest to_discover_request(const Request& request) {
    DiscoverRequest wanted;
    wanted.stream_arn = request.resource_arn;
    wanted.has_s3 = request.s3_configuration.has_value();
    wanted.has_processor = request.input_processing_configuration.has_value();
    if (const auto& position = request.input_starting_position_configuration;
        position && position->input_starting_position) {
        wanted.position = static_cast<Position>(*position->input_starting_position);  // numbered alike
    }
    return wanted;
}

template <class Response>
Response describe_discovered(DiscoveredSchema found) {
    Response response;
    using Schema = std::decay_t<decltype(*response.input_schema)>;
    response.input_schema = describe_schema<Schema>(found.schema);
    response.parsed_input_records = std::move(found.parsed);
    response.raw_input_records = std::move(found.raw);
    return response;
}

template <class Response>
Response describe_tags(const ApplicationRef& application) {
    Response response;
    auto& tags = response.tags.emplace();
    for (const auto& [key, value] : application.object->tags) {
        auto& tag = tags.emplace_back();
        tag.key = key;
        tag.value = value;
    }
    return response;
}

// The starting position of an input; both versions number the positions alike.
template <class Configuration>
StartingPosition to_starting_position(std::string_view input_id, const Configuration& configuration) {
    StartingPosition position;
    position.input_id = input_id;
    const auto& given = configuration.input_starting_position;
    if (given) position.position = static_cast<Position>(*given);
    return position;
}

}  // namespace riacho::analytics
