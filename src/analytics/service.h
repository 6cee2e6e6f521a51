// Data Analytics: the state that its operations share, and the handle passed to each call.
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

// The service's objects in one process. Owned by the node, outlives every call; all members are thread-safe.
struct Service {
    catalog::Catalog& catalog;
    log::CommandLog& commands;
    core::Clock& clock;
    core::Rng& rng;
    ports::StreamDirectory& streams;
    Runner& runner;
    core::WorkPool& cpu;  // for computations that are too long for a core
    std::int64_t transition_delay_ms;
    std::uint32_t applications_max;  // for each account and region
};

enum class ApiVersion : std::uint8_t { v1, v2 };

// An application: its object and its settings.
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
    // The same by ARN, for tags.
    [[nodiscard]] Result<ApplicationRef> find_by_arn(std::string_view arn) const;

    // Gives a command its place in the order and waits until it is durable.
    Task<Result<catalog::Verdict>> submit(const catalog::Command& command) const;

private:
    aws::OpContext* context_;
    Service* service_;
};

static_assert(std::is_trivially_copyable_v<AnalyticsOp>);

// A command that replaces the settings of an application if its version is still that of `object`.
catalog::ReplaceObjects replace_settings(const catalog::ObjectState& object, const ApplicationSettings& settings);

}  // namespace riacho::analytics
