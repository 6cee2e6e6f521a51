// Data Analytics: what its operations share, and the handle each of them is given.
#pragma once

#include <memory>
#include <optional>
#include <string_view>

#include "analytics/model.h"
#include "aws/context.h"
#include "aws/error.h"
#include "catalog/catalog.h"
#include "catalog/command.h"
#include "core/fwd.h"
#include "core/task_fwd.h"
#include "log/fwd.h"
#include "ports/stream_directory.h"

namespace riacho::analytics {

using aws::Result;

class Runner;

// What one process has of the service. Owned by the node, outlives every call; all members are thread-safe.
struct Service {
    catalog::Catalog& catalog;
    log::CommandLog& commands;
    core::Clock& clock;
    core::Rng& rng;
    ports::StreamDirectory& streams;
    Runner& runner;
    core::WorkPool& cpu;  // for what computes too long for a core
    std::int64_t transition_delay_ms;
    std::uint32_t applications_max;  // of an account in a region
};

enum class ApiVersion : std::uint8_t { v1, v2 };

// An application as it was found: its object and what that is set to.
struct ApplicationRef {
    std::shared_ptr<const catalog::ObjectState> object;
    ApplicationSettings settings;
};

// One call's view of the service. Trivially copyable, so coroutines take it by value.
class AnalyticsOp {
public:
    AnalyticsOp(aws::OpContext& context, Service& service) : context_(&context), service_(&service) {}

    [[nodiscard]] std::optional<aws::ApiError> admit() const { return std::nullopt; }

    [[nodiscard]] aws::OpContext& context() const { return *context_; }
    [[nodiscard]] core::Core& core() const { return context_->core(); }
    [[nodiscard]] std::string_view account() const { return context_->account(); }
    [[nodiscard]] std::string_view region() const { return context_->region(); }
    [[nodiscard]] TimestampMs now() const { return context_->now(); }
    [[nodiscard]] Service& service() const { return *service_; }

    // The caller's own application. ResourceNotFoundException when there is none.
    [[nodiscard]] Result<ApplicationRef> find(std::string_view name) const;
    // The same by its ARN, for tags.
    [[nodiscard]] Result<ApplicationRef> find_by_arn(std::string_view arn) const;

    // Gives a command its place in the order and waits until it is durable.
    Task<Result<catalog::Verdict>> submit(const catalog::Command& command) const;

private:
    aws::OpContext* context_;
    Service* service_;
};

static_assert(std::is_trivially_copyable_v<AnalyticsOp>);

// The command that gives an application new settings, if it is still the version they were made from.
catalog::ReplaceObjects replace_settings(const catalog::ObjectState& object, const ApplicationSettings& settings);

}  // namespace riacho::analytics
