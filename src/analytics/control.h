// The control plane's operations for both API versions, independent of their shapes. Errors carry their text under
// "Message", as in version 2; version 1 converts them with as_v1().
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "analytics/service.h"

namespace riacho::analytics {

// ApplicationStatus of the API. DELETING has precedence over the phase in the settings.
enum class Status : std::uint8_t { deleting, starting, stopping, ready, running, updating };
Status status_of(const ApplicationRef& application);
std::string_view name_of(Status status);

// The version that a change is based on, by number or by token.
struct KnownVersion {
    std::optional<std::int64_t> id;
    std::optional<std::string_view> token;
};
// The ConditionalToken: different for each version of each application.
std::string token_of(const ApplicationRef& application);

struct NewApplication {
    std::string name;
    ApplicationSettings settings;  // ids are assigned by create_application()
    catalog::Tags tags;
};
Task<Result<ApplicationRef>> create_application(AnalyticsOp op, NewApplication wanted);

// Applies `edit` to the settings and raises the version; returns the changed application. A running application is
// restarted with the new settings: UPDATING, then RUNNING. `edit` gets the number of the new version.
using Edit = std::function<Result<void>(ApplicationSettings&, std::uint64_t version)>;
Task<Result<ApplicationRef>> change_application(AnalyticsOp op, std::string name, KnownVersion known, Edit edit);

struct StartingPosition {
    std::string_view input_id;
    std::optional<Position> position;
};
Task<Result<void>> start_application(AnalyticsOp op, std::string name, std::vector<StartingPosition> positions);
Task<Result<void>> stop_application(AnalyticsOp op, std::string name);
Task<Result<void>> delete_application(AnalyticsOp op, std::string name, TimestampMs created_at);

// Sorted by name, those after `after`; at most one more than `limit`, so that the caller sees whether there are more.
std::vector<ApplicationRef> list_applications(AnalyticsOp op, std::string_view after, std::size_t limit);

// Validates the tags of a request.
Result<catalog::Tags> checked_tags(std::vector<std::pair<std::string, std::string>> tags);
Task<Result<void>> tag_application(AnalyticsOp op, std::string arn, catalog::Tags add, std::vector<std::string> remove);

// Rules for the sub-resources of a request, for each alone and for all together.
Result<void> check_input(AnalyticsOp op, const InputSettings& input);
Result<void> check_output(const OutputSettings& output);
Task<Result<void>> check_settings(AnalyticsOp op, const ApplicationSettings& settings);

// Version 1 has its texts under "message".
aws::ApiError as_v1(aws::ApiError error);

}  // namespace riacho::analytics
