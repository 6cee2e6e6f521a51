#include "aws/gen/firehose/errors.gen.h"
#include "aws/gen/firehose/types_update_destination.gen.h"
#include "base/try.h"
#include "core/task.h"
#include "firehose/ops/ops.h"
#include "firehose/validate.h"

namespace riacho::firehose {

namespace errors = api::errors;
using Code = catalog::Verdict::Code;

namespace {

// AWS: in this order (spec 3.7).
Result<Settings> updated(FirehoseOp op, const StreamRef& stream, const api::UpdateDestinationInput& request) {
    const api::DeliveryStreamStatus status = status_of(*stream.object, op.now());
    if (status != api::DeliveryStreamStatus::active) {
        return fail(errors::stream_not_active(stream.object->name, op.account(), name_of(status)));
    }
    const std::string current = std::to_string(stream.settings->version);
    if (request.current_delivery_stream_version_id != current) {
        return fail(errors::version_mismatch(stream.object->name, current, request.current_delivery_stream_version_id));
    }
    const auto shown = describe(*stream.object, *stream.settings, op.now());
    if (shown.destinations.front().destination_id != request.destination_id) {
        return fail(errors::destination_not_found(request.destination_id));
    }
    Settings settings = *stream.settings;
    TRY(settings.s3, updated_destination(stream.settings->s3, request));
    ++settings.version;
    settings.updated_at = op.now();
    return settings;
}

}  // namespace

Task<Result<api::UpdateDestinationOutput>> update_destination(FirehoseOp op, api::UpdateDestinationInput request) {
    for (int attempt = 0; attempt < replace_attempts_max; ++attempt) {
        const auto stream = op.find(request.delivery_stream_name);
        if (!stream) {
            co_return fail(errors::stream_to_update_not_found(request.delivery_stream_name, op.account()));
        }
        if (stream->settings == nullptr) co_return fail(errors::record_failed());
        CO_TRY(const Settings settings, updated(op, *stream, request));
        CO_TRY(const catalog::Verdict verdict, co_await op.submit(replace_settings(*stream->object, settings)));
        // Another change came first; another update of the destination shows as another version.
        if (verdict.code == Code::object_changed || verdict.code == Code::object_missing) continue;
        co_return api::UpdateDestinationOutput{};
    }
    co_return fail(errors::stream_changed_too_often(request.delivery_stream_name, op.account()));
}

}  // namespace riacho::firehose
