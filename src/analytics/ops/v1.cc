// The operations of version 1 of the API: converts its shapes and calls the functions of control.h.
#include <algorithm>

#include "analytics/control.h"
#include "analytics/operations.h"
#include "analytics/ops/changes.h"
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

// Converts errors to the form of version 1.
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

// An operation that changes the settings by `edit`, and answers without members.
template <class Operation, auto edit>
Task<Result<typename Operation::Output>> change(AnalyticsOp op, typename Operation::Input request) {
    const Edit apply = [&](ApplicationSettings& settings, std::uint64_t) { return edit(op, request, settings); };
    const KnownVersion known{request.current_application_version_id, std::nullopt};
    CO_TRY_VOID(v1(co_await change_application(op, std::string(request.application_name), known, apply)));
    co_return typename Operation::Output{};
}

Task<Result<api::DeleteApplicationResponse>> remove(AnalyticsOp op, api::DeleteApplicationRequest request) {
    CO_TRY_VOID(v1(co_await delete_application(op, std::string(request.application_name), request.create_timestamp)));
    co_return api::DeleteApplicationResponse{};
}

Task<Result<api::StartApplicationResponse>> start(AnalyticsOp op, api::StartApplicationRequest request) {
    std::vector<StartingPosition> positions;
    for (const auto& wanted : request.input_configurations) {
        positions.push_back(to_starting_position(wanted.id, wanted.input_starting_position_configuration));
    }
    CO_TRY_VOID(v1(co_await start_application(op, std::string(request.application_name), std::move(positions))));
    co_return api::StartApplicationResponse{};
}

Task<Result<api::StopApplicationResponse>> stop(AnalyticsOp op, api::StopApplicationRequest request) {
    CO_TRY_VOID(v1(co_await stop_application(op, std::string(request.application_name))));
    co_return api::StopApplicationResponse{};
}

Task<Result<api::DiscoverInputSchemaResponse>> discover(AnalyticsOp op, api::DiscoverInputSchemaRequest request) {
    CO_TRY(DiscoveredSchema found, v1(co_await discover_schema(op, to_discover_request(request))));
    co_return describe_discovered<api::DiscoverInputSchemaResponse>(std::move(found));
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
    co_return describe_tags<api::ListTagsForResourceResponse>(application);
}

using aws::Bind;
using aws::Unsupported;

// Every operation of the model appears here, or the build fails.
using Operations = aws::OperationList<
    Bind<api::AddApplicationCloudWatchLoggingOption,
         &change<api::AddApplicationCloudWatchLoggingOption,
                 add_logging_option<api::AddApplicationCloudWatchLoggingOptionRequest>>>,
    Bind<api::AddApplicationInput, &change<api::AddApplicationInput, add_input<api::AddApplicationInputRequest>>>,
    Unsupported<api::AddApplicationInputProcessingConfiguration>,
    Bind<api::AddApplicationOutput, &change<api::AddApplicationOutput, add_output<api::AddApplicationOutputRequest>>>,
    Unsupported<api::AddApplicationReferenceDataSource>, Bind<api::CreateApplication, &create>,
    Bind<api::DeleteApplication, &remove>,
    Bind<api::DeleteApplicationCloudWatchLoggingOption,
         &change<api::DeleteApplicationCloudWatchLoggingOption,
                 delete_logging_option<api::DeleteApplicationCloudWatchLoggingOptionRequest>>>,
    Unsupported<api::DeleteApplicationInputProcessingConfiguration>,
    Bind<api::DeleteApplicationOutput,
         &change<api::DeleteApplicationOutput, delete_output<api::DeleteApplicationOutputRequest>>>,
    Unsupported<api::DeleteApplicationReferenceDataSource>, Bind<api::DescribeApplication, &describe>,
    Bind<api::DiscoverInputSchema, &discover>, Bind<api::ListApplications, &list>,
    Bind<api::ListTagsForResource, &list_tags>, Bind<api::StartApplication, &start>, Bind<api::StopApplication, &stop>,
    Bind<api::TagResource, &tag>, Bind<api::UntagResource, &untag>,
    Bind<api::UpdateApplication, &change<api::UpdateApplication, apply_update>>>;
static_assert(aws::covers<Operations, api::AllOperations>);

}  // namespace

std::vector<aws::OperationEntry> operations_v1() { return aws::operation_table<AnalyticsOp, Service>(Operations{}); }

}  // namespace riacho::analytics
