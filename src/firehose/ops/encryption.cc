// StartDeliveryStreamEncryption, StopDeliveryStreamEncryption.
#include <algorithm>

#include "aws/gen/firehose/errors.gen.h"
#include "aws/gen/firehose/types_start_delivery_stream_encryption.gen.h"
#include "aws/gen/firehose/types_stop_delivery_stream_encryption.gen.h"
#include "base/try.h"
#include "core/task.h"
#include "firehose/encryption.h"
#include "firehose/limits.h"
#include "firehose/ops/ops.h"

namespace riacho::firehose {

namespace errors = api::errors;
using Code = catalog::Verdict::Code;

namespace {

constexpr std::int64_t day_ms = 86'400'000;

Result<Settings> changeable(FirehoseOp op, const StreamRef& stream) {
    const std::string& name = stream.object->name;
    if (stream.settings->source) return fail(errors::encryption_of_a_source());
    const api::DeliveryStreamStatus status = status_of(*stream.object, op.now());
    if (status != api::DeliveryStreamStatus::active) {
        return fail(errors::stream_not_active(name, op.account(), name_of(status)));
    }
    using Status = api::DeliveryStreamEncryptionStatus;
    const Status encryption = stream.settings->encryption_status(op.now());
    if (encryption == Status::enabling || encryption == Status::disabling) {
        return fail(errors::encryption_changing(name, op.account(), name_of(encryption)));
    }
    Settings settings = *stream.settings;
    std::vector<TimestampMs>& changes = settings.encryption.changes;
    std::erase_if(changes, [&](TimestampMs at) { return op.now().value() - at.value() >= day_ms; });
    if (changes.size() >= encryption_changes_max) {
        if (op.service().limits.enforced()) {
            return fail(errors::too_many_encryption_changes(name, op.account(), encryption_changes_max));
        }
        changes.erase(changes.begin());
    }
    changes.push_back(op.now());
    settings.encryption.was_on = settings.encryption.is_on;
    settings.encryption.settled_at = TimestampMs(op.now().value() + op.service().transition_delay_ms);
    return settings;
}

// Applies a change to the newest settings; repeats it when another change comes first.
template <class Change>
Task<Result<void>> change_encryption(FirehoseOp op, std::string_view name, Change change) {
    for (int attempt = 0; attempt < replace_attempts_max; ++attempt) {
        CO_TRY(const StreamRef stream, op.resolve(name));
        CO_TRY(Settings settings, changeable(op, stream));
        CO_TRY_VOID(change(settings.encryption, stream.object->arn));
        CO_TRY(const catalog::Verdict verdict, co_await op.submit(replace_settings(*stream.object, settings)));
        if (verdict.code == Code::object_changed || verdict.code == Code::object_missing) continue;
        co_return Result<void>();
    }
    co_return fail(errors::stream_changed_too_often(name, op.account()));
}

}  // namespace

Task<Result<api::StartDeliveryStreamEncryptionOutput>> start_delivery_stream_encryption(
    FirehoseOp op, api::StartDeliveryStreamEncryptionInput request) {
    const auto wanted = request.delivery_stream_encryption_configuration_input.value_or(
        api::DeliveryStreamEncryptionConfigurationInput());
    const auto change = [&](Encryption& encryption, std::string_view arn) {
        return start_encryption(wanted, op.service().data_keys, arn, encryption);
    };
    CO_TRY_VOID(co_await change_encryption(op, request.delivery_stream_name, change));
    co_return api::StartDeliveryStreamEncryptionOutput{};
}

Task<Result<api::StopDeliveryStreamEncryptionOutput>> stop_delivery_stream_encryption(
    FirehoseOp op, api::StopDeliveryStreamEncryptionInput request) {
    const auto change = [](Encryption& encryption, std::string_view) {
        encryption.is_on = false;
        encryption.was_changed = true;
        return Result<void>();
    };
    CO_TRY_VOID(co_await change_encryption(op, request.delivery_stream_name, change));
    co_return api::StopDeliveryStreamEncryptionOutput{};
}

}  // namespace riacho::firehose
