#include "analytics/service.h"

#include <utility>

#include "aws/arn.h"
#include "aws/gen/analytics_v2/errors.gen.h"
#include "base/check.h"
#include "base/try.h"
#include "catalog/replace_object.h"
#include "core/task.h"
#include "log/command_log.h"

namespace riacho::analytics {

namespace errors = api::analytics_v2::errors;
using catalog::ObjectState;

namespace {

// Not a member: a member coroutine would keep `this`, and handles are often temporaries.
Task<Result<catalog::Verdict>> submit_command(log::CommandLog& log, core::Core& core, std::string command) {
    const auto result = co_await log.submit(core, std::move(command));
    if (result) co_return catalog::decode_verdict(result->reply);
    co_return fail(log::is_unavailable(result.error()) ? errors::overloaded() : errors::internal_failure());
}

ApplicationRef opened(std::shared_ptr<const ObjectState> object) {
    auto settings = decode_application(object->settings);
    RIACHO_CHECK(settings.has_value(), "an application of an unknown format");
    return {std::move(object), *std::move(settings)};
}

}  // namespace

Result<ApplicationRef> AnalyticsOp::find(std::string_view name) const {
    auto object = service_->catalog.snapshot()->find_object(ObjectState::Kind::application, account(), region(), name);
    if (object == nullptr || object->is_gone(now())) return fail(errors::application_not_found(name, account()));
    return opened(std::move(object));
}

Result<ApplicationRef> AnalyticsOp::find_by_arn(std::string_view arn) const {
    auto object = service_->catalog.snapshot()->find_object(arn);
    const bool found = object != nullptr && object->kind == ObjectState::Kind::application && !object->is_gone(now()) &&
                       object->account == account() && object->region == region();
    if (!found) return fail(errors::resource_not_found(arn, account()));
    return opened(std::move(object));
}

Task<Result<catalog::Verdict>> AnalyticsOp::submit(const catalog::Command& command) const {
    return submit_command(service_->commands, context_->core(), catalog::encode(command));
}

catalog::ReplaceObjects replace_settings(const ObjectState& object, const ApplicationSettings& settings) {
    return catalog::replace_object(object, encode(settings));
}

}  // namespace riacho::analytics
