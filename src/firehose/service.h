// Firehose: the state that its operations share, and the handle passed to each call.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <unordered_map>

#include "aws/context.h"
#include "aws/error.h"
#include "base/mutex.h"
#include "catalog/catalog.h"
#include "catalog/command.h"
#include "catalog/model.h"
#include "core/fwd.h"
#include "core/task_fwd.h"
#include "firehose/settings.h"
#include "log/fwd.h"

namespace riacho::catalog {
class DataKeys;
}
namespace riacho::ports {
class StreamDirectory;
}

namespace riacho::firehose {

using aws::Result;
using ObjectRef = std::shared_ptr<const catalog::ObjectState>;
using SettingsRef = std::shared_ptr<const Settings>;

class Limits;
class Metrics;

// Decoded settings of objects, once for each of their versions. Thread-safe.
class SettingsCache {
public:
    // Null for settings that this version cannot read.
    SettingsRef of(const catalog::ObjectState& object);
    void forget(std::uint64_t uid);

private:
    struct Entry {
        std::uint64_t version = 0;
        SettingsRef settings;
    };
    Mutex mutex_;
    std::unordered_map<std::uint64_t, Entry> entries_ GUARDED_BY(mutex_);
};

// The service's objects in one process. Owned by the node, outlives every call; all members are thread-safe.
struct Service {
    catalog::Catalog& catalog;
    log::RecordLog& log;
    log::CommandLog& commands;
    core::Clock& clock;
    core::Rng& rng;
    const catalog::DataKeys& data_keys;
    ports::StreamDirectory& streams;
    Metrics& metrics;
    Limits& limits;
    SettingsCache& settings;
    std::int64_t transition_delay_ms;
};

// A delivery stream and its settings.
struct StreamRef {
    ObjectRef object;
    SettingsRef settings;
};

// One call's view of the service. Trivially copyable, so coroutines take it by value.
class FirehoseOp {
public:
    FirehoseOp(aws::OpContext& context, Service& service) : context_(&context), service_(&service) {}

    // ThrottlingException when the account calls the control plane more often than AWS allows, with --limits=aws.
    [[nodiscard]] std::optional<aws::ApiError> admit() const;

    [[nodiscard]] aws::OpContext& context() const { return *context_; }
    [[nodiscard]] core::Core& core() const { return context_->core(); }
    [[nodiscard]] std::string_view account() const { return context_->account(); }
    [[nodiscard]] std::string_view region() const { return context_->region(); }
    [[nodiscard]] TimestampMs now() const { return context_->now(); }
    [[nodiscard]] Service& service() const { return *service_; }

    // The caller's delivery stream, in any status; null when there is none. `settings` is null when they cannot be
    // read.
    [[nodiscard]] std::optional<StreamRef> find(std::string_view name) const;
    // The same, or ResourceNotFoundException; InternalFailure without settings.
    [[nodiscard]] Result<StreamRef> resolve(std::string_view name) const;

    // Gives a command its place in the order and waits until it is durable.
    Task<Result<catalog::Verdict>> submit(const catalog::Command& command) const;

private:
    aws::OpContext* context_;
    Service* service_;
};

static_assert(std::is_trivially_copyable_v<FirehoseOp>);

// Attempts to apply a change when other changes come first.
inline constexpr int replace_attempts_max = 8;
// A command that replaces the settings of a delivery stream if its version is still that of `object`.
catalog::Command replace_settings(const catalog::ObjectState& object, const Settings& settings);

}  // namespace riacho::firehose
