#include "analytics/control.h"

#include <fmt/format.h>

#include <algorithm>

#include "analytics/app/runner.h"
#include "analytics/code.h"
#include "aws/arn.h"
#include "aws/gen/analytics_v2/errors.gen.h"
#include "base/digest.h"
#include "base/try.h"
#include "core/clock.h"
#include "core/run_on.h"
#include "core/task.h"

namespace riacho::analytics {

namespace errors = api::analytics_v2::errors;
using catalog::ObjectState;
using Code = catalog::Verdict::Code;

namespace {

constexpr std::int64_t tags_max = 50;
// Attempts of a change when changes come in between that leave the version as it was.
constexpr int attempts_max = 8;

aws::ApiError wrong_state(AnalyticsOp op, const ApplicationRef& application) {
    return errors::application_in_wrong_state(application.object->name, op.account(), name_of(status_of(application)),
                                              op.context().operation());
}

Result<void> check_version(const ApplicationRef& application, const KnownVersion& known) {
    if (known.id.has_value() == known.token.has_value()) return fail(errors::version_or_token());
    const auto current = static_cast<std::int64_t>(application.settings.version);
    if (known.id && *known.id != current) {
        return fail(errors::stale_version(application.object->name, current, *known.id));
    }
    if (known.token && *known.token != token_of(application)) {
        return fail(errors::stale_token(application.object->name));
    }
    return {};
}

// "2.1": the version that added the resource, and its number among the resources of its kind added by that version.
template <class Resource>
void give_ids(std::vector<Resource>& resources, std::uint64_t version) {
    int number = 0;
    for (Resource& resource : resources) {
        if (resource.id.empty()) resource.id = fmt::format("{}.{}", version, ++number);
    }
}

void give_ids(ApplicationSettings& settings) {
    give_ids(settings.inputs, settings.version);
    give_ids(settings.outputs, settings.version);
    give_ids(settings.logging, settings.version);
}

Result<void> check_arn(const Endpoint& endpoint) {
    const auto arn = aws::parse_arn(endpoint.arn);
    const bool is_stream = endpoint.kind == Endpoint::Kind::stream;
    const bool fits = arn && arn->service == (is_stream ? "kinesis" : "firehose") &&
                      arn->resource.starts_with(is_stream ? "stream/" : "deliverystream/");
    if (fits) return {};
    return fail(errors::arn_invalid(endpoint.arn, is_stream ? "stream" : "delivery stream"));
}

}  // namespace

Status status_of(const ApplicationRef& application) {
    if (application.object->transition == catalog::StreamStatus::deleting) return Status::deleting;
    switch (application.settings.phase) {
        case Phase::ready:
            return Status::ready;
        case Phase::starting:
            return Status::starting;
        case Phase::running:
            return Status::running;
        case Phase::stopping:
            return Status::stopping;
        case Phase::updating:
            return Status::updating;
    }
    return Status::ready;
}

std::string_view name_of(Status status) {
    switch (status) {
        case Status::deleting:
            return "DELETING";
        case Status::starting:
            return "STARTING";
        case Status::stopping:
            return "STOPPING";
        case Status::ready:
            return "READY";
        case Status::running:
            return "RUNNING";
        case Status::updating:
            return "UPDATING";
    }
    return "READY";
}

std::string token_of(const ApplicationRef& application) {
    return to_hex(as_text(sha256(fmt::format("{}/{}", application.object->uid, application.settings.version))));
}

Result<void> check_input(AnalyticsOp op, const InputSettings& input) {
    // AWS: closed to everybody since 2023 (spec 1.2).
    if (input.source.kind == Endpoint::Kind::delivery_stream) {
        return fail(errors::delivery_stream_as_input(op.account()));
    }
    TRY_VOID(check_arn(input.source));
    const SourceSchema& schema = input.schema;
    if (schema.format == RecordFormat::json) {
        const std::string_view path = schema.row_path;
        if (schema.has_parameters &&
            (!path.starts_with('$') || path.find_first_of(" \t\r\n") != std::string_view::npos)) {
            return fail(errors::row_path_invalid(path));
        }
        for (const SchemaColumn& column : schema.columns) {
            if (!column.mapping) return fail(errors::mapping_missing(column.name));
        }
    } else if (!schema.has_parameters) {
        return fail(errors::format_parameters_missing("CSV", "CSVMappingParameters"));
    }
    return check_schema(input);
}

Result<void> check_output(const OutputSettings& output) { return check_arn(output.destination); }

Task<Result<void>> check_settings(AnalyticsOp op, const ApplicationSettings& settings) {
    if (settings.inputs.size() > 1) co_return fail(errors::too_many_inputs());
    if (settings.outputs.size() > outputs_max) {
        co_return fail(errors::too_many_outputs(static_cast<std::int64_t>(outputs_max)));
    }
    if (settings.logging.size() > 1) co_return fail(errors::too_many_logging_options());
    const auto check = [&settings] { return check_code(settings); };
    auto checked = co_await core::run_on(op.service().cpu, op.core(), check);
    if (!checked) co_return fail(errors::overloaded());
    co_return *std::move(checked);
}

Task<Result<ApplicationRef>> create_application(AnalyticsOp op, NewApplication wanted) {
    ApplicationSettings& settings = wanted.settings;
    settings.version = 1;
    settings.phase = Phase::ready;
    settings.updated_at = op.now();
    settings.user = op.context().user();
    give_ids(settings);
    for (const InputSettings& input : settings.inputs) CO_TRY_VOID(check_input(op, input));
    for (const OutputSettings& output : settings.outputs) CO_TRY_VOID(check_output(output));
    CO_TRY_VOID(co_await check_settings(op, settings));
    catalog::CreateObject command;
    ObjectState& object = command.object;
    object.kind = ObjectState::Kind::application;
    object.account = op.account();
    object.region = op.region();
    object.name = wanted.name;
    object.arn = fmt::format("arn:{}:kinesisanalytics:{}:{}:application/{}", aws::partition_of(op.region()),
                             op.region(), op.account(), wanted.name);
    object.settings = encode(settings);
    object.tags = std::move(wanted.tags);
    command.shards = {catalog::ShardClass::records, catalog::ShardClass::records};  // turns_shard, state_shard
    command.count_max = op.service().applications_max;
    CO_TRY(const catalog::Verdict verdict, co_await op.submit(std::move(command)));
    if (verdict.code == Code::object_exists) {
        co_return fail(errors::application_already_exists(wanted.name, op.account()));
    }
    if (verdict.code == Code::too_many_objects) {
        co_return fail(errors::too_many_applications(op.account(), op.service().applications_max));
    }
    if (verdict.code == Code::too_many_tags) co_return fail(errors::too_many_tags(tags_max));
    co_return op.find(wanted.name);
}

Task<Result<ApplicationRef>> change_application(AnalyticsOp op, std::string name, KnownVersion known, Edit edit) {
    for (int attempt = 0; attempt < attempts_max; ++attempt) {
        CO_TRY(ApplicationRef application, op.find(name));
        const Status status = status_of(application);
        if (status != Status::ready && status != Status::running) co_return fail(wrong_state(op, application));
        CO_TRY_VOID(check_version(application, known));
        ApplicationSettings settings = application.settings;
        const std::uint64_t next = settings.version + 1;
        CO_TRY_VOID(edit(settings, next));
        settings.version = next;
        settings.updated_at = op.now();
        give_ids(settings);
        CO_TRY_VOID(co_await check_settings(op, settings));
        if (status == Status::running) settings.phase = Phase::updating;
        CO_TRY(const catalog::Verdict verdict, co_await op.submit(replace_settings(*application.object, settings)));
        if (verdict.code == Code::object_changed) continue;  // the next attempt reads the newer state
        if (verdict.code != Code::ok) co_return fail(errors::application_not_found(name, op.account()));
        op.service().runner.notify(application.object->uid);
        co_return op.find(name);
    }
    co_return fail(errors::changed_meanwhile(name));
}

Task<Result<void>> start_application(AnalyticsOp op, std::string name, std::vector<StartingPosition> positions) {
    CO_TRY(ApplicationRef application, op.find(name));
    if (status_of(application) != Status::ready) co_return fail(wrong_state(op, application));
    ApplicationSettings settings = application.settings;
    if (settings.inputs.empty()) co_return fail(errors::nothing_to_read(name));
    if (settings.code.empty()) co_return fail(errors::nothing_to_run(name));
    bool is_continued = true;
    for (const StartingPosition& wanted : positions) {
        const auto input = std::ranges::find(settings.inputs, wanted.input_id, &InputSettings::id);
        if (input == settings.inputs.end()) co_return fail(errors::input_not_found(name, wanted.input_id));
        if (wanted.position) input->position = wanted.position;
    }
    for (InputSettings& input : settings.inputs) {
        if (!input.position) co_return fail(errors::starting_position_missing(input.id));
        is_continued = is_continued && *input.position == Position::last_stopped_point;
    }
    CO_TRY_VOID(co_await check_settings(op, settings));  // older servers may have accepted more
    if (!is_continued || settings.run == 0) ++settings.run;
    settings.started_at = op.now();
    settings.phase = Phase::starting;
    CO_TRY(const catalog::Verdict verdict, co_await op.submit(replace_settings(*application.object, settings)));
    if (verdict.code != Code::ok) co_return fail(errors::changed_meanwhile(name));
    op.service().runner.notify(application.object->uid);
    co_return Result<void>();
}

Task<Result<void>> stop_application(AnalyticsOp op, std::string name) {
    CO_TRY(ApplicationRef application, op.find(name));
    if (status_of(application) != Status::running) co_return fail(wrong_state(op, application));
    ApplicationSettings settings = application.settings;
    settings.phase = Phase::stopping;
    CO_TRY(const catalog::Verdict verdict, co_await op.submit(replace_settings(*application.object, settings)));
    if (verdict.code != Code::ok) co_return fail(errors::changed_meanwhile(name));
    op.service().runner.notify(application.object->uid);
    co_return Result<void>();
}

Task<Result<void>> delete_application(AnalyticsOp op, std::string name, TimestampMs created_at) {
    CO_TRY(ApplicationRef application, op.find(name));
    const Status status = status_of(application);
    if (status != Status::ready && status != Status::running) co_return fail(wrong_state(op, application));
    // AWS: clients send back the value of Describe; some keep only its whole seconds (spec 4.2).
    const std::int64_t known = application.object->created_at.value();
    const bool matches = created_at.value() == known || created_at.value() == known / 1000 * 1000;
    if (!matches) co_return fail(errors::wrong_create_timestamp(name));
    catalog::DeleteObject command{{application.object->uid, {}}, 0, op.service().transition_delay_ms};
    CO_TRY(const catalog::Verdict verdict, co_await op.submit(std::move(command)));
    static_cast<void>(verdict);  // deleting twice succeeds
    op.service().runner.notify(application.object->uid);
    co_return Result<void>();
}

std::vector<ApplicationRef> list_applications(AnalyticsOp op, std::string_view after, std::size_t limit) {
    std::vector<ApplicationRef> found;
    const auto all =
        op.service().catalog.snapshot()->objects_of(ObjectState::Kind::application, op.account(), op.region());
    for (const auto& object : all) {
        if (object->is_gone(op.now()) || object->name <= after) continue;
        if (found.size() > limit) break;
        auto settings = decode_application(object->settings);
        if (settings) found.push_back({object, *std::move(settings)});
    }
    return found;
}

Result<catalog::Tags> checked_tags(std::vector<std::pair<std::string, std::string>> tags) {
    catalog::Tags checked;
    for (auto& [key, value] : tags) {
        if (key.size() >= 4 && (key[0] | 0x20) == 'a' && (key[1] | 0x20) == 'w' && (key[2] | 0x20) == 's' &&
            key[3] == ':') {
            return fail(errors::tag_prefix_reserved());
        }
        checked[std::move(key)] = std::move(value);
    }
    if (checked.size() > static_cast<std::size_t>(tags_max)) return fail(errors::too_many_tags(tags_max));
    return checked;
}

Task<Result<void>> tag_application(AnalyticsOp op, std::string arn, catalog::Tags add,
                                   std::vector<std::string> remove) {
    CO_TRY(const ApplicationRef application, op.find_by_arn(arn));
    catalog::TagObject command{{application.object->uid, {}}, std::move(add), std::move(remove)};
    CO_TRY(const catalog::Verdict verdict, co_await op.submit(std::move(command)));
    if (verdict.code == Code::too_many_tags) co_return fail(errors::too_many_tags(tags_max));
    if (verdict.code != Code::ok) co_return fail(errors::resource_not_found(arn, op.account()));
    co_return Result<void>();
}

aws::ApiError as_v1(aws::ApiError error) {
    if (error.key == aws::MessageKey::capital_message) error.key = aws::MessageKey::message;
    return error;
}

}  // namespace riacho::analytics
