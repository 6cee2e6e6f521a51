// UpdateDataRetention.
#include "video/retention.h"
#include "catalog/replace_object.h"

#include <algorithm>

#include "aws/gen/video/errors.gen.h"
#include "aws/gen/video/types_update_data_retention.gen.h"
#include "base/try.h"
#include "core/clock.h"
#include "core/task.h"
#include "video/ops/ops.h"
#include "video/stream_homes.h"

namespace riacho::video {

namespace errors = api::errors;
using Code = catalog::Verdict::Code;

namespace {

Result<std::int32_t> changed(std::int32_t present, const api::UpdateDataRetentionInput& request) {
    const bool increase = request.operation == api::UpdateDataRetentionOperation::increase_data_retention;
    const std::int64_t change = request.data_retention_change_in_hours;
    const std::int64_t hours = present + (increase ? change : -change);
    if (hours < 0 || hours > retention_hours_max) return fail(errors::invalid_argument(retention_text()));
    return static_cast<std::int32_t>(hours);
}

}  // namespace

Task<Result<api::UpdateDataRetentionOutput>> update_data_retention(VideoOp op, api::UpdateDataRetentionInput request) {
    CO_TRY(const StreamRef stream,
           op.resolve_version(request.stream_name, request.stream_arn, request.current_version));
    StreamSettings settings = stream.settings;
    CO_TRY(settings.retention_hours, changed(settings.retention_hours, request));
    // Fragments beyond the shorter of both retentions stay invisible for ever; after 0, all earlier ones.
    const std::int32_t shorter = std::min(settings.retention_hours, stream.settings.retention_hours);
    const std::int64_t kept_ms = std::int64_t{shorter} * 3'600'000;
    settings.floor_ms = std::max(settings.floor_ms, op.service().clock.ago(kept_ms).value());
    catalog::ReplaceObjects command = catalog::replace_object(*stream.object, encode(settings));
    auto& change = command.replacements.front();
    if (stream.settings.retention_hours == 0) change.add_shards = archive_shards();
    if (settings.retention_hours == 0) {
        for (const catalog::OwnedShard& shard : stream.object->shards) change.drop_shards.push_back(shard.uid);
    }
    CO_TRY(const catalog::Verdict verdict, co_await op.submit(std::move(command)));
    if (verdict.code == Code::object_changed) co_return fail(errors::version_mismatch());
    if (verdict.code != Code::ok) co_return fail(errors::stream_not_found());
    if (const auto present = stream_of(op.catalog().snapshot()->find_object(stream.uid()))) {
        set_log_retention(op.service().log, *present);
        op.service().homes.configure(*present);
    }
    co_return api::UpdateDataRetentionOutput();
}

}  // namespace riacho::video
