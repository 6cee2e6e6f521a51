#include "firehose/service.h"

#include "aws/gen/firehose/errors.gen.h"
#include "catalog/replace_object.h"
#include "core/clock.h"
#include "core/task.h"
#include "firehose/limits.h"
#include "log/command_log.h"

namespace riacho::firehose {

namespace errors = api::errors;

namespace {

// Not a member: a member coroutine would keep `this`, and handles are often temporaries.
Task<Result<catalog::Verdict>> submit_command(log::CommandLog& log, core::Core& core, std::string command) {
    const auto result = co_await log.submit(core, std::move(command));
    if (result) co_return catalog::decode_verdict(result->reply);
    co_return fail(log::is_unavailable(result.error()) ? errors::storage_unavailable() : errors::record_failed());
}

}  // namespace

SettingsRef SettingsCache::of(const catalog::ObjectState& object) {
    {
        const MutexLock lock(mutex_);
        const auto found = entries_.find(object.uid);
        if (found != entries_.end() && found->second.version == object.version) return found->second.settings;
    }
    auto decoded = decode_settings(object.settings);
    if (!decoded) return nullptr;
    auto settings = std::make_shared<const Settings>(*std::move(decoded));
    const MutexLock lock(mutex_);
    Entry& entry = entries_[object.uid];
    // Another thread may have cached a newer version meanwhile.
    if (entry.version <= object.version) entry = {object.version, settings};
    return settings;
}

void SettingsCache::forget(std::uint64_t uid) {
    const MutexLock lock(mutex_);
    entries_.erase(uid);
}

std::optional<aws::ApiError> FirehoseOp::admit() const {
    const std::string_view operation = context_->operation();
    if (operation == "PutRecord" || operation == "PutRecordBatch") return std::nullopt;
    if (service_->limits.call(account(), region(), operation, service_->clock.monotonic())) return std::nullopt;
    return errors::call_rate_exceeded();
}

std::optional<StreamRef> FirehoseOp::find(std::string_view name) const {
    ObjectRef object = service_->catalog.snapshot()->find_object(catalog::ObjectState::Kind::delivery_stream, account(),
                                                                 region(), name);
    if (object == nullptr || object->is_gone(now())) return std::nullopt;
    SettingsRef settings = service_->settings.of(*object);
    return StreamRef{std::move(object), std::move(settings)};
}

Result<StreamRef> FirehoseOp::resolve(std::string_view name) const {
    auto found = find(name);
    if (!found) return fail(errors::stream_not_found(name, account()));
    if (found->settings == nullptr) return fail(errors::record_failed());
    return *std::move(found);
}

Task<Result<catalog::Verdict>> FirehoseOp::submit(const catalog::Command& command) const {
    return submit_command(service_->commands, context_->core(), catalog::encode(command));
}

catalog::Command replace_settings(const catalog::ObjectState& object, const Settings& settings) {
    return catalog::replace_object(object, encode(settings));
}

}  // namespace riacho::firehose
