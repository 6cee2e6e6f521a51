// The bodies of the control plane's operations, which both API versions share. They know no API's shapes.
//
// Errors carry their text under "Message", as version 2 has it; version 1 gives them through as_v1().
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "analytics/service.h"

namespace riacho::analytics {

// The status that AWS's names give: DELETING comes first, then what is under way.
enum class Status : std::uint8_t { deleting, starting, stopping, ready, running, updating };
Status status_of(const ApplicationRef& application);
std::string_view name_of(Status status);

// Who changes an application names the version it knows, by number or by token.
struct KnownVersion {
    std::optional<std::int64_t> id;
    std::optional<std::string_view> token;
};
// What ConditionalToken shows: another one for each version of each application.
std::string token_of(const ApplicationRef& application);

struct NewApplication {
    std::string name;
    ApplicationSettings settings;  // ids are given here
    catalog::Tags tags;
};
Task<Result<ApplicationRef>> create_application(AnalyticsOp op, NewApplication wanted);

// Applies `edit` to the settings, and raises the version: the application as it is afterwards. A running application is
// restarted with them: UPDATING, then RUNNING. edit is given the number the new version will have.
using Edit = std::function<Result<void>(ApplicationSettings&, std::uint64_t version)>;
Task<Result<ApplicationRef>> change_application(AnalyticsOp op, std::string name, KnownVersion known, Edit edit);

struct StartingPosition {
    std::string_view input_id;
    std::optional<Position> position;
};
Task<Result<void>> start_application(AnalyticsOp op, std::string name, std::vector<StartingPosition> positions);
Task<Result<void>> stop_application(AnalyticsOp op, std::string name);
Task<Result<void>> delete_application(AnalyticsOp op, std::string name, TimestampMs created_at);

// By name, those after `after`; one more than `limit` at most, so that the caller sees whether there are more.
std::vector<ApplicationRef> list_applications(AnalyticsOp op, std::string_view after, std::size_t limit);

// Tags of a request, checked.
Result<catalog::Tags> checked_tags(std::vector<std::pair<std::string, std::string>> tags);
Task<Result<void>> tag_application(AnalyticsOp op, std::string arn, catalog::Tags add, std::vector<std::string> remove);

// What the sub-resources of a request must satisfy, each alone and together.
Result<void> check_input(AnalyticsOp op, const InputSettings& input);
Result<void> check_output(const OutputSettings& output);
Task<Result<void>> check_settings(AnalyticsOp op, const ApplicationSettings& settings);

// Version 1 has its texts under "message".
aws::ApiError as_v1(aws::ApiError error);

}  // namespace riacho::analytics
