// The operations of version 1 of the API: its shapes around the bodies of control.h.
#include <algorithm>

#include "analytics/control.h"
#include "analytics/discover.h"
#include "analytics/operations.h"
#include "analytics/ops/convert.h"
#include "analytics/ops/describe.h"
#include "aws/gen/analytics_v1/operations.gen.h"
#include "aws/gen/analytics_v1/types_add_application_cloud_watch_logging_option.gen.h"
#include "aws/gen/analytics_v1/types_add_application_input.gen.h"
#include "aws/gen/analytics_v1/types_add_application_input_processing_configuration.gen.h"
#include "aws/gen/analytics_v1/types_add_application_output.gen.h"
#include "aws/gen/analytics_v1/types_add_application_reference_data_source.gen.h"
#include "aws/gen/analytics_v1/types_create_application.gen.h"
#include "aws/gen/analytics_v1/types_delete_application.gen.h"
#include "aws/gen/analytics_v1/types_delete_application_cloud_watch_logging_option.gen.h"
#include "aws/gen/analytics_v1/types_delete_application_input_processing_configuration.gen.h"
#include "aws/gen/analytics_v1/types_delete_application_output.gen.h"
#include "aws/gen/analytics_v1/types_delete_application_reference_data_source.gen.h"
#include "aws/gen/analytics_v1/types_describe_application.gen.h"
#include "aws/gen/analytics_v1/types_discover_input_schema.gen.h"
#include "aws/gen/analytics_v1/types_list_applications.gen.h"
#include "aws/gen/analytics_v1/types_list_tags_for_resource.gen.h"
#include "aws/gen/analytics_v1/types_start_application.gen.h"
#include "aws/gen/analytics_v1/types_stop_application.gen.h"
#include "aws/gen/analytics_v1/types_tag_resource.gen.h"
#include "aws/gen/analytics_v1/types_untag_resource.gen.h"
#include "aws/gen/analytics_v1/types_update_application.gen.h"
#include "aws/operation.h"
#include "core/task.h"

namespace riacho::analytics {

namespace api = riacho::api::analytics_v1;

namespace {

constexpr std::int32_t page_max = 50;

// With the texts where version 1 has them.
template <class T>
Result<T> v1(Result<T> result) {
    if (!result) return fail(as_v1(std::move(result).error()));
    return result;
}

api::ApplicationStatus to_status(Status status) {
    static_assert(static_cast<int>(Status::updating) == static_cast<int>(api::ApplicationStatus::updating));
    return static_cast<api::ApplicationStatus>(status);  // numbered alike
}

api::ApplicationSummary summary_of(const ApplicationRef& application) {
    api::ApplicationSummary summary;
    summary.application_name = application.object->name;
    summary.application_arn = application.object->arn;
    summary.application_status = to_status(status_of(application));
    return summary;
}

api::ApplicationDetail detail_of(const ApplicationRef& application) {
    const ApplicationSettings& settings = application.settings;
    api::ApplicationDetail detail;
    detail.application_name = application.object->name;
    detail.application_arn = application.object->arn;
    detail.application_description = settings.description;
    detail.application_status = to_status(status_of(application));
    detail.create_timestamp = application.object->created_at;
    detail.last_update_timestamp = settings.updated_at;
    if (!settings.inputs.empty()) {
        detail.input_descriptions = describe_all<api::InputDescription>(settings.inputs, settings.role);
    }
    if (!settings.outputs.empty()) {
        detail.output_descriptions = describe_all<api::OutputDescription>(settings.outputs, settings.role);
    }
    if (!settings.logging.empty()) {
        detail.cloud_watch_logging_option_descriptions =
            describe_all<api::CloudWatchLoggingOptionDescription>(settings.logging, settings.role);
    }
    if (!settings.code.empty()) detail.application_code = settings.code;
    detail.application_version_id = static_cast<std::int64_t>(settings.version);
    return detail;
}

KnownVersion version(std::int64_t id) { return {id, std::nullopt}; }

Result<NewApplication> to_application(const api::CreateApplicationRequest& request) {
    NewApplication wanted;
    wanted.name = request.application_name;
    ApplicationSettings& settings = wanted.settings;
    if (request.application_description) settings.description = std::string(*request.application_description);
    if (request.application_code) settings.code = *request.application_code;
    TRY_VOID(add_inputs(request.inputs, settings));
    TRY_VOID(add_outputs(request.outputs, settings));
    add_logging(request.cloud_watch_logging_options, settings);
    if (request.tags) {
        TRY(wanted.tags, to_tags(*request.tags));
    }
    return wanted;
}

Result<void> apply_update(AnalyticsOp op, const api::UpdateApplicationRequest& request, ApplicationSettings& settings) {
    const api::ApplicationUpdate& update = request.application_update;
    if (update.reference_data_source_updates) {
        return fail(errors::feature_not_supported("A reference data source"));
    }
    if (update.application_code_update) settings.code = *update.application_code_update;
    if (update.input_updates) {
        for (const auto& input : *update.input_updates) {
            TRY_VOID(apply_input_update(op, request.application_name, input, settings));
        }
    }
    if (update.output_updates) {
        for (const auto& output : *update.output_updates) {
            TRY_VOID(apply_output_update(request.application_name, output, settings));
        }
    }
    if (update.cloud_watch_logging_option_updates) {
        for (const auto& option : *update.cloud_watch_logging_option_updates) {
            TRY_VOID(apply_logging_update(request.application_name, option, settings));
        }
    }
    return {};
}

Task<Result<api::CreateApplicationResponse>> create(AnalyticsOp op, api::CreateApplicationRequest request) {
    CO_TRY(NewApplication wanted, v1(to_application(request)));
    CO_TRY(const ApplicationRef made, v1(co_await create_application(op, std::move(wanted))));
    co_return api::CreateApplicationResponse{summary_of(made)};
}

Task<Result<api::DescribeApplicationResponse>> describe(AnalyticsOp op, api::DescribeApplicationRequest request) {
    CO_TRY(const ApplicationRef application, v1(op.find(request.application_name)));
    co_return api::DescribeApplicationResponse{detail_of(application)};
}

Task<Result<api::ListApplicationsResponse>> list(AnalyticsOp op, api::ListApplicationsRequest request) {
    const auto limit = static_cast<std::size_t>(request.limit.value_or(page_max));
    const auto found = list_applications(op, request.exclusive_start_application_name.value_or(""), limit);
    api::ListApplicationsResponse response;
    response.has_more_applications = found.size() > limit;
    for (std::size_t i = 0; i < std::min(limit, found.size()); ++i) {
        response.application_summaries.push_back(summary_of(found[i]));
    }
    co_return response;
}

Task<Result<api::UpdateApplicationResponse>> update(AnalyticsOp op, api::UpdateApplicationRequest request) {
    const Edit edit = [&](ApplicationSettings& settings, std::uint64_t) { return apply_update(op, request, settings); };
    CO_TRY_VOID(v1(co_await change_application(op, std::string(request.application_name),
                                               version(request.current_application_version_id), edit)));
    co_return api::UpdateApplicationResponse{};
}

Task<Result<api::DeleteApplicationResponse>> remove(AnalyticsOp op, api::DeleteApplicationRequest request) {
    CO_TRY_VOID(v1(co_await delete_application(op, std::string(request.application_name), request.create_timestamp)));
    co_return api::DeleteApplicationResponse{};
}

Task<Result<api::StartApplicationResponse>> start(AnalyticsOp op, api::StartApplicationRequest request) {
    std::vector<StartingPosition> positions;
    for (const auto& wanted : request.input_configurations) {
        StartingPosition& position = positions.emplace_back();
        position.input_id = wanted.id;
        const auto& given = wanted.input_starting_position_configuration.input_starting_position;
        if (given) position.position = static_cast<Position>(*given);  // numbered alike
    }
    CO_TRY_VOID(v1(co_await start_application(op, std::string(request.application_name), std::move(positions))));
    co_return api::StartApplicationResponse{};
}

Task<Result<api::StopApplicationResponse>> stop(AnalyticsOp op, api::StopApplicationRequest request) {
    CO_TRY_VOID(v1(co_await stop_application(op, std::string(request.application_name))));
    co_return api::StopApplicationResponse{};
}

Task<Result<api::AddApplicationInputResponse>> add_input(AnalyticsOp op, api::AddApplicationInputRequest request) {
    const Edit edit = [&](ApplicationSettings& settings, std::uint64_t) -> Result<void> {
        TRY(InputSettings input, to_input(request.input));
        TRY_VOID(check_input(op, input));
        settings.inputs.push_back(std::move(input));
        return {};
    };
    CO_TRY_VOID(v1(co_await change_application(op, std::string(request.application_name),
                                               version(request.current_application_version_id), edit)));
    co_return api::AddApplicationInputResponse{};
}

Task<Result<api::AddApplicationOutputResponse>> add_output(AnalyticsOp op, api::AddApplicationOutputRequest request) {
    const Edit edit = [&](ApplicationSettings& settings, std::uint64_t) -> Result<void> {
        TRY(OutputSettings output, to_output(request.output));
        TRY_VOID(check_output(output));
        settings.outputs.push_back(std::move(output));
        return {};
    };
    CO_TRY_VOID(v1(co_await change_application(op, std::string(request.application_name),
                                               version(request.current_application_version_id), edit)));
    co_return api::AddApplicationOutputResponse{};
}

Task<Result<api::DeleteApplicationOutputResponse>> delete_output(AnalyticsOp op,
                                                                 api::DeleteApplicationOutputRequest request) {
    const Edit edit = [&](ApplicationSettings& settings, std::uint64_t) -> Result<void> {
        if (std::erase_if(settings.outputs, [&](const auto& output) { return output.id == request.output_id; }) == 0) {
            return fail(errors::output_not_found(request.application_name, request.output_id));
        }
        return {};
    };
    CO_TRY_VOID(v1(co_await change_application(op, std::string(request.application_name),
                                               version(request.current_application_version_id), edit)));
    co_return api::DeleteApplicationOutputResponse{};
}

Task<Result<api::AddApplicationCloudWatchLoggingOptionResponse>> add_logging_option(
    AnalyticsOp op, api::AddApplicationCloudWatchLoggingOptionRequest request) {
    const Edit edit = [&](ApplicationSettings& settings, std::uint64_t) -> Result<void> {
        settings.logging.push_back(to_logging(request.cloud_watch_logging_option));
        return {};
    };
    CO_TRY_VOID(v1(co_await change_application(op, std::string(request.application_name),
                                               version(request.current_application_version_id), edit)));
    co_return api::AddApplicationCloudWatchLoggingOptionResponse{};
}

Task<Result<api::DeleteApplicationCloudWatchLoggingOptionResponse>> delete_logging_option(
    AnalyticsOp op, api::DeleteApplicationCloudWatchLoggingOptionRequest request) {
    const Edit edit = [&](ApplicationSettings& settings, std::uint64_t) -> Result<void> {
        const std::string_view id = request.cloud_watch_logging_option_id;
        if (std::erase_if(settings.logging, [&](const auto& option) { return option.id == id; }) == 0) {
            return fail(errors::logging_option_not_found(request.application_name, id));
        }
        return {};
    };
    CO_TRY_VOID(v1(co_await change_application(op, std::string(request.application_name),
                                               version(request.current_application_version_id), edit)));
    co_return api::DeleteApplicationCloudWatchLoggingOptionResponse{};
}

Task<Result<api::DiscoverInputSchemaResponse>> discover(AnalyticsOp op, api::DiscoverInputSchemaRequest request) {
    DiscoverRequest wanted;
    wanted.stream_arn = request.resource_arn;
    wanted.has_s3 = request.s3_configuration.has_value();
    wanted.has_processor = request.input_processing_configuration.has_value();
    if (const auto& position = request.input_starting_position_configuration;
        position && position->input_starting_position) {
        wanted.position = static_cast<Position>(*position->input_starting_position);
    }
    CO_TRY(DiscoveredSchema found, v1(co_await discover_schema(op, std::move(wanted))));
    api::DiscoverInputSchemaResponse response;
    response.input_schema = describe_schema<api::SourceSchema>(found.schema);
    response.parsed_input_records = std::move(found.parsed);
    response.raw_input_records = std::move(found.raw);
    co_return response;
}

Task<Result<api::TagResourceResponse>> tag(AnalyticsOp op, api::TagResourceRequest request) {
    CO_TRY(catalog::Tags tags, v1(to_tags(request.tags)));
    CO_TRY_VOID(v1(co_await tag_application(op, std::string(request.resource_arn), std::move(tags), {})));
    co_return api::TagResourceResponse{};
}

Task<Result<api::UntagResourceResponse>> untag(AnalyticsOp op, api::UntagResourceRequest request) {
    std::vector<std::string> keys(request.tag_keys.begin(), request.tag_keys.end());
    CO_TRY_VOID(v1(co_await tag_application(op, std::string(request.resource_arn), {}, std::move(keys))));
    co_return api::UntagResourceResponse{};
}

Task<Result<api::ListTagsForResourceResponse>> list_tags(AnalyticsOp op, api::ListTagsForResourceRequest request) {
    CO_TRY(const ApplicationRef application, v1(op.find_by_arn(request.resource_arn)));
    api::ListTagsForResourceResponse response;
    response.tags.emplace();
    for (const auto& [key, value] : application.object->tags) {
        api::Tag& told = response.tags->emplace_back();
        told.key = key;
        told.value = value;
    }
    co_return response;
}

using aws::Bind;
using aws::Unsupported;

// Every operation of the model appears here, or the build fails.
using Operations = aws::OperationList<
    Bind<api::AddApplicationCloudWatchLoggingOption, &add_logging_option>, Bind<api::AddApplicationInput, &add_input>,
    Unsupported<api::AddApplicationInputProcessingConfiguration>, Bind<api::AddApplicationOutput, &add_output>,
    Unsupported<api::AddApplicationReferenceDataSource>, Bind<api::CreateApplication, &create>,
    Bind<api::DeleteApplication, &remove>, Bind<api::DeleteApplicationCloudWatchLoggingOption, &delete_logging_option>,
    Unsupported<api::DeleteApplicationInputProcessingConfiguration>, Bind<api::DeleteApplicationOutput, &delete_output>,
    Unsupported<api::DeleteApplicationReferenceDataSource>, Bind<api::DescribeApplication, &describe>,
    Bind<api::DiscoverInputSchema, &discover>, Bind<api::ListApplications, &list>,
    Bind<api::ListTagsForResource, &list_tags>, Bind<api::StartApplication, &start>, Bind<api::StopApplication, &stop>,
    Bind<api::TagResource, &tag>, Bind<api::UntagResource, &untag>, Bind<api::UpdateApplication, &update>>;
static_assert(aws::covers<Operations, api::AllOperations>);

}  // namespace

std::vector<aws::OperationEntry> operations_v1() { return aws::operation_table<AnalyticsOp, Service>(Operations{}); }

}  // namespace riacho::analytics
