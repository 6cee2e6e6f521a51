// The operations of version 2 of the API: converts its shapes and calls the functions of control.h.
#include <algorithm>

#include "analytics/control.h"
#include "analytics/operations.h"
#include "analytics/ops/changes.h"
#include "analytics/ops/convert.h"
#include "analytics/ops/describe.h"
#include "aws/gen/analytics_v2/operations.gen.h"
#include "aws/gen/analytics_v2/types_add_application_cloud_watch_logging_option.gen.h"
#include "aws/gen/analytics_v2/types_add_application_input.gen.h"
#include "aws/gen/analytics_v2/types_add_application_output.gen.h"
#include "aws/gen/analytics_v2/types_add_application_vpc_configuration.gen.h"
#include "aws/gen/analytics_v2/types_create_application.gen.h"
#include "aws/gen/analytics_v2/types_create_application_presigned_url.gen.h"
#include "aws/gen/analytics_v2/types_create_application_snapshot.gen.h"
#include "aws/gen/analytics_v2/types_delete_application.gen.h"
#include "aws/gen/analytics_v2/types_delete_application_cloud_watch_logging_option.gen.h"
#include "aws/gen/analytics_v2/types_delete_application_output.gen.h"
#include "aws/gen/analytics_v2/types_delete_application_snapshot.gen.h"
#include "aws/gen/analytics_v2/types_delete_application_vpc_configuration.gen.h"
#include "aws/gen/analytics_v2/types_describe_application.gen.h"
#include "aws/gen/analytics_v2/types_describe_application_operation.gen.h"
#include "aws/gen/analytics_v2/types_describe_application_snapshot.gen.h"
#include "aws/gen/analytics_v2/types_describe_application_version.gen.h"
#include "aws/gen/analytics_v2/types_discover_input_schema.gen.h"
#include "aws/gen/analytics_v2/types_list_application_operations.gen.h"
#include "aws/gen/analytics_v2/types_list_application_snapshots.gen.h"
#include "aws/gen/analytics_v2/types_list_application_versions.gen.h"
#include "aws/gen/analytics_v2/types_list_applications.gen.h"
#include "aws/gen/analytics_v2/types_list_tags_for_resource.gen.h"
#include "aws/gen/analytics_v2/types_rollback_application.gen.h"
#include "aws/gen/analytics_v2/types_start_application.gen.h"
#include "aws/gen/analytics_v2/types_stop_application.gen.h"
#include "aws/gen/analytics_v2/types_tag_resource.gen.h"
#include "aws/gen/analytics_v2/types_untag_resource.gen.h"
#include "aws/gen/analytics_v2/types_update_application.gen.h"
#include "aws/gen/analytics_v2/types_update_application_maintenance_configuration.gen.h"
#include "aws/operation.h"
#include "core/task.h"

namespace riacho::analytics {

namespace api = riacho::api::analytics_v2;

namespace {

constexpr std::int32_t page_max = 50;

api::ApplicationStatus to_status(Status status) {
    static_assert(static_cast<int>(Status::updating) == static_cast<int>(api::ApplicationStatus::updating));
    return static_cast<api::ApplicationStatus>(status);  // numbered alike, as far as SQL applications have them
}

api::ApplicationSummary summary_of(const ApplicationRef& application) {
    api::ApplicationSummary summary;
    summary.application_name = application.object->name;
    summary.application_arn = application.object->arn;
    summary.application_status = to_status(status_of(application));
    summary.application_version_id = static_cast<std::int64_t>(application.settings.version);
    summary.runtime_environment = api::RuntimeEnvironment::sql_1_0;
    summary.application_mode = api::ApplicationMode::streaming;
    return summary;
}

// Resources have roles of their own only if version 1 has set them.
api::ApplicationConfigurationDescription configuration_of(const ApplicationSettings& settings) {
    api::ApplicationConfigurationDescription configuration;
    auto& sql = configuration.sql_application_configuration_description.emplace();
    if (!settings.inputs.empty()) sql.input_descriptions = describe_all<api::InputDescription>(settings.inputs, {});
    if (!settings.outputs.empty()) sql.output_descriptions = describe_all<api::OutputDescription>(settings.outputs, {});
    if (!settings.code.empty()) {
        auto& code = configuration.application_code_configuration_description.emplace();
        code.code_content_type = api::CodeContentType::plaintext;
        code.code_content_description.emplace().text_content = settings.code;
    }
    return configuration;
}

api::ApplicationDetail detail_of(const ApplicationRef& application) {
    const ApplicationSettings& settings = application.settings;
    api::ApplicationDetail detail;
    detail.application_arn = application.object->arn;
    detail.application_description = settings.description;
    detail.application_name = application.object->name;
    detail.runtime_environment = api::RuntimeEnvironment::sql_1_0;
    if (!settings.role.empty()) detail.service_execution_role = settings.role;
    detail.application_status = to_status(status_of(application));
    detail.application_version_id = static_cast<std::int64_t>(settings.version);
    detail.create_timestamp = application.object->created_at;
    detail.last_update_timestamp = settings.updated_at;
    detail.application_configuration_description = configuration_of(settings);
    if (!settings.logging.empty()) {
        detail.cloud_watch_logging_option_descriptions =
            describe_all<api::CloudWatchLoggingOptionDescription>(settings.logging, {});
    }
    detail.conditional_token = token_of(application);
    detail.application_mode = api::ApplicationMode::streaming;
    return detail;
}

// The first member that only Flink applications have; null if there is none.
template <class Configuration>
const char* flink_member_of(const Configuration& given) {
    if (given.flink_application_configuration) return "FlinkApplicationConfiguration";
    if (given.environment_properties) return "EnvironmentProperties";
    if (given.application_snapshot_configuration) return "ApplicationSnapshotConfiguration";
    if (given.application_system_rollback_configuration) return "ApplicationSystemRollbackConfiguration";
    if (given.vpc_configurations) return "VpcConfigurations";
    if (given.zeppelin_application_configuration) return "ZeppelinApplicationConfiguration";
    if (given.application_encryption_configuration) return "ApplicationEncryptionConfiguration";
    return nullptr;
}

const char* flink_member_of(const api::ApplicationConfigurationUpdate& given) {
    if (given.flink_application_configuration_update) return "FlinkApplicationConfigurationUpdate";
    if (given.environment_property_updates) return "EnvironmentPropertyUpdates";
    if (given.application_snapshot_configuration_update) return "ApplicationSnapshotConfigurationUpdate";
    if (given.application_system_rollback_configuration_update) return "ApplicationSystemRollbackConfigurationUpdate";
    if (given.vpc_configuration_updates) return "VpcConfigurationUpdates";
    if (given.zeppelin_application_configuration_update) return "ZeppelinApplicationConfigurationUpdate";
    if (given.application_encryption_configuration_update) return "ApplicationEncryptionConfigurationUpdate";
    return nullptr;
}

Result<void> apply_configuration(const api::ApplicationConfiguration& given, ApplicationSettings& settings) {
    if (const char* member = flink_member_of(given)) return fail(errors::flink_member(member));
    if (const auto& code = given.application_code_configuration) {
        const bool is_text = code->code_content_type == api::CodeContentType::plaintext && code->code_content &&
                             code->code_content->text_content && !code->code_content->zip_file_content &&
                             !code->code_content->s3_content_location;
        if (!is_text) return fail(errors::code_not_plain_text());
        settings.code = *code->code_content->text_content;
    }
    if (const auto& sql = given.sql_application_configuration) {
        if (sql->reference_data_sources && !sql->reference_data_sources->empty()) {
            return fail(errors::feature_not_supported("A reference data source"));
        }
        TRY_VOID(add_inputs(sql->inputs, settings));
        TRY_VOID(add_outputs(sql->outputs, settings));
    }
    return {};
}

Result<NewApplication> to_application(const api::CreateApplicationRequest& request) {
    if (request.runtime_environment != api::RuntimeEnvironment::sql_1_0) {
        return fail(errors::runtime_not_supported(name_of(request.runtime_environment)));
    }
    if (request.application_mode == api::ApplicationMode::interactive) {
        return fail(errors::flink_member("ApplicationMode INTERACTIVE"));
    }
    NewApplication wanted;
    wanted.name = request.application_name;
    ApplicationSettings& settings = wanted.settings;
    settings.role = request.service_execution_role;
    if (request.application_description) settings.description = std::string(*request.application_description);
    if (request.application_configuration) {
        TRY_VOID(apply_configuration(*request.application_configuration, settings));
    }
    add_logging(request.cloud_watch_logging_options, settings);
    if (request.tags) {
        TRY(wanted.tags, to_tags(*request.tags));
    }
    return wanted;
}

Result<void> apply_code_update(const api::ApplicationCodeConfigurationUpdate& update, ApplicationSettings& settings) {
    if (update.code_content_type_update == api::CodeContentType::zipfile) return fail(errors::code_not_plain_text());
    const auto& content = update.code_content_update;
    if (!content) return {};
    if (content->zip_file_content_update || content->s3_content_location_update) {
        return fail(errors::code_not_plain_text());
    }
    if (content->text_content_update) settings.code = *content->text_content_update;
    return {};
}

Result<void> apply_configuration_update(AnalyticsOp op, std::string_view application,
                                        const api::ApplicationConfigurationUpdate& update,
                                        ApplicationSettings& settings) {
    if (const char* member = flink_member_of(update)) return fail(errors::flink_member(member));
    if (update.application_code_configuration_update) {
        TRY_VOID(apply_code_update(*update.application_code_configuration_update, settings));
    }
    const auto& sql = update.sql_application_configuration_update;
    if (!sql) return {};
    if (sql->reference_data_source_updates) return fail(errors::feature_not_supported("A reference data source"));
    if (sql->input_updates) {
        for (const auto& input : *sql->input_updates) {
            TRY_VOID(apply_input_update(op, application, input, settings));
        }
    }
    if (sql->output_updates) {
        for (const auto& output : *sql->output_updates) TRY_VOID(apply_output_update(application, output, settings));
    }
    return {};
}

Result<void> apply_update(AnalyticsOp op, const api::UpdateApplicationRequest& request, ApplicationSettings& settings) {
    if (request.run_configuration_update) return fail(errors::flink_member("RunConfigurationUpdate"));
    if (request.runtime_environment_update && request.runtime_environment_update != api::RuntimeEnvironment::sql_1_0) {
        return fail(errors::runtime_not_supported(name_of(*request.runtime_environment_update)));
    }
    if (request.service_execution_role_update) settings.role = *request.service_execution_role_update;
    if (request.application_configuration_update) {
        TRY_VOID(apply_configuration_update(op, request.application_name, *request.application_configuration_update,
                                            settings));
    }
    if (request.cloud_watch_logging_option_updates) {
        for (const auto& option : *request.cloud_watch_logging_option_updates) {
            TRY_VOID(apply_logging_update(request.application_name, option, settings));
        }
    }
    return {};
}

Task<Result<api::CreateApplicationResponse>> create(AnalyticsOp op, api::CreateApplicationRequest request) {
    CO_TRY(NewApplication wanted, to_application(request));
    CO_TRY(const ApplicationRef made, co_await create_application(op, std::move(wanted)));
    co_return api::CreateApplicationResponse{detail_of(made)};
}

Task<Result<api::DescribeApplicationResponse>> describe(AnalyticsOp op, api::DescribeApplicationRequest request) {
    CO_TRY(const ApplicationRef application, op.find(request.application_name));
    co_return api::DescribeApplicationResponse{detail_of(application)};
}

Task<Result<api::ListApplicationsResponse>> list(AnalyticsOp op, api::ListApplicationsRequest request) {
    const auto limit = static_cast<std::size_t>(request.limit.value_or(page_max));
    const auto found = list_applications(op, request.next_token.value_or(""), limit);
    api::ListApplicationsResponse response;
    for (std::size_t i = 0; i < std::min(limit, found.size()); ++i) {
        response.application_summaries.push_back(summary_of(found[i]));
    }
    // AWS: the token is the name of the last application that was shown (spec 3.2).
    if (found.size() > limit) response.next_token = response.application_summaries.back().application_name;
    co_return response;
}

Task<Result<api::UpdateApplicationResponse>> update(AnalyticsOp op, api::UpdateApplicationRequest request) {
    const Edit edit = [&](ApplicationSettings& settings, std::uint64_t) { return apply_update(op, request, settings); };
    const KnownVersion known{request.current_application_version_id, request.conditional_token};
    CO_TRY(const ApplicationRef changed,
           co_await change_application(op, std::string(request.application_name), known, edit));
    api::UpdateApplicationResponse response;
    response.application_detail = detail_of(changed);
    co_return response;
}

Task<Result<api::DeleteApplicationResponse>> remove(AnalyticsOp op, api::DeleteApplicationRequest request) {
    CO_TRY_VOID(co_await delete_application(op, std::string(request.application_name), request.create_timestamp));
    co_return api::DeleteApplicationResponse{};
}

Task<Result<api::StartApplicationResponse>> start(AnalyticsOp op, api::StartApplicationRequest request) {
    std::vector<StartingPosition> positions;
    if (const auto& run = request.run_configuration) {
        if (run->flink_run_configuration) co_return fail(errors::flink_member("FlinkRunConfiguration"));
        if (run->application_restore_configuration) {
            co_return fail(errors::flink_member("ApplicationRestoreConfiguration"));
        }
        for (const auto& wanted : run->sql_run_configurations.value_or(std::vector<api::SqlRunConfiguration>())) {
            positions.push_back(to_starting_position(wanted.input_id, wanted.input_starting_position_configuration));
        }
    }
    CO_TRY_VOID(co_await start_application(op, std::string(request.application_name), std::move(positions)));
    co_return api::StartApplicationResponse{};
}

Task<Result<api::StopApplicationResponse>> stop(AnalyticsOp op, api::StopApplicationRequest request) {
    if (request.force.value_or(false)) co_return fail(errors::no_force_stop());
    CO_TRY_VOID(co_await stop_application(op, std::string(request.application_name)));
    co_return api::StopApplicationResponse{};
}

// An operation that changes the settings by `edit`, and answers with the new version and the descriptions that its
// response has.
template <class Operation, auto edit>
Task<Result<typename Operation::Output>> change(AnalyticsOp op, typename Operation::Input request) {
    const Edit apply = [&](ApplicationSettings& settings, std::uint64_t) { return edit(op, request, settings); };
    KnownVersion known{request.current_application_version_id, std::nullopt};
    if constexpr (requires { request.conditional_token; }) known.token = request.conditional_token;
    CO_TRY(const ApplicationRef changed,
           co_await change_application(op, std::string(request.application_name), known, apply));
    const ApplicationSettings& settings = changed.settings;
    typename Operation::Output response;
    response.application_arn = changed.object->arn;
    response.application_version_id = static_cast<std::int64_t>(settings.version);
    if constexpr (requires { response.input_descriptions; }) {
        response.input_descriptions = describe_all<api::InputDescription>(settings.inputs, {});
    }
    if constexpr (requires { response.output_descriptions; }) {
        response.output_descriptions = describe_all<api::OutputDescription>(settings.outputs, {});
    }
    if constexpr (requires { response.cloud_watch_logging_option_descriptions; }) {
        response.cloud_watch_logging_option_descriptions =
            describe_all<api::CloudWatchLoggingOptionDescription>(settings.logging, {});
    }
    co_return response;
}

Task<Result<api::DiscoverInputSchemaResponse>> discover(AnalyticsOp op, api::DiscoverInputSchemaRequest request) {
    CO_TRY(DiscoveredSchema found, co_await discover_schema(op, to_discover_request(request)));
    co_return describe_discovered<api::DiscoverInputSchemaResponse>(std::move(found));
}

Task<Result<api::TagResourceResponse>> tag(AnalyticsOp op, api::TagResourceRequest request) {
    CO_TRY(catalog::Tags tags, to_tags(request.tags));
    CO_TRY_VOID(co_await tag_application(op, std::string(request.resource_arn), std::move(tags), {}));
    co_return api::TagResourceResponse{};
}

Task<Result<api::UntagResourceResponse>> untag(AnalyticsOp op, api::UntagResourceRequest request) {
    std::vector<std::string> keys(request.tag_keys.begin(), request.tag_keys.end());
    CO_TRY_VOID(co_await tag_application(op, std::string(request.resource_arn), {}, std::move(keys)));
    co_return api::UntagResourceResponse{};
}

Task<Result<api::ListTagsForResourceResponse>> list_tags(AnalyticsOp op, api::ListTagsForResourceRequest request) {
    CO_TRY(const ApplicationRef application, op.find_by_arn(request.resource_arn));
    co_return describe_tags<api::ListTagsForResourceResponse>(application);
}

// Operations for Flink applications only; AWS's error for them is not known.
template <class Operation>
Task<Result<typename Operation::Output>> flink_only(AnalyticsOp op, typename Operation::Input request) {
    CO_TRY_VOID(op.find(request.application_name));
    co_return fail(errors::flink_operation(op.context().operation()));
}

// The same where the model knows no UnsupportedOperationException.
template <class Operation>
Task<Result<typename Operation::Output>> flink_argument(AnalyticsOp op, typename Operation::Input request) {
    CO_TRY_VOID(op.find(request.application_name));
    co_return fail(errors::flink_operation_argument(op.context().operation()));
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
    Bind<api::TagResource, &tag>, Bind<api::UntagResource, &untag>, Bind<api::UpdateApplication, &update>,
    Bind<api::CreateApplicationSnapshot, &flink_only<api::CreateApplicationSnapshot>>,
    Bind<api::DeleteApplicationSnapshot, &flink_only<api::DeleteApplicationSnapshot>>,
    Bind<api::DescribeApplicationSnapshot, &flink_only<api::DescribeApplicationSnapshot>>,
    Bind<api::ListApplicationSnapshots, &flink_only<api::ListApplicationSnapshots>>,
    Bind<api::DescribeApplicationVersion, &flink_only<api::DescribeApplicationVersion>>,
    Bind<api::ListApplicationVersions, &flink_only<api::ListApplicationVersions>>,
    Bind<api::DescribeApplicationOperation, &flink_only<api::DescribeApplicationOperation>>,
    Bind<api::ListApplicationOperations, &flink_only<api::ListApplicationOperations>>,
    Bind<api::RollbackApplication, &flink_only<api::RollbackApplication>>,
    Bind<api::UpdateApplicationMaintenanceConfiguration, &flink_only<api::UpdateApplicationMaintenanceConfiguration>>,
    Bind<api::AddApplicationVpcConfiguration, &flink_argument<api::AddApplicationVpcConfiguration>>,
    Bind<api::DeleteApplicationVpcConfiguration, &flink_argument<api::DeleteApplicationVpcConfiguration>>,
    Bind<api::CreateApplicationPresignedUrl, &flink_argument<api::CreateApplicationPresignedUrl>>,
    Unsupported<api::CreateSnapshot>, Unsupported<api::DeleteSnapshot>, Unsupported<api::DescribeSnapshot>,
    Unsupported<api::DescribeSnapshotOperation>, Unsupported<api::ExportSnapshot>, Unsupported<api::ImportSnapshot>,
    Unsupported<api::ListSnapshotOperations>, Unsupported<api::ListSnapshots>>;
static_assert(aws::covers<Operations, api::AllOperations>);

}  // namespace

std::vector<aws::OperationEntry> operations_v2() { return aws::operation_table<AnalyticsOp, Service>(Operations{}); }

}  // namespace riacho::analytics
