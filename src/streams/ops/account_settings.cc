// DescribeAccountSettings, UpdateAccountSettings.
#include <algorithm>

#include "aws/gen/kinesis/errors.gen.h"
#include "aws/gen/kinesis/types_describe_account_settings.gen.h"
#include "aws/gen/kinesis/types_update_account_settings.gen.h"
#include "base/try.h"
#include "catalog/replace_object.h"
#include "core/task.h"
#include "streams/account.h"
#include "streams/ops/ops.h"
#include "streams/resources.h"

namespace riacho::streams {

namespace errors = api::errors;

namespace {

constexpr std::int64_t commitment_ms_min = 24LL * 3'600'000;

api::MinimumThroughputBillingCommitmentOutput describe(const AccountSettings& settings, TimestampMs now) {
    using Status = api::MinimumThroughputBillingCommitmentOutputStatus;
    api::MinimumThroughputBillingCommitmentOutput out;
    out.started_at = settings.started_at;
    if (!settings.is_committed(now)) {
        out.status = Status::disabled;
        out.ended_at = settings.ended_at;
        return out;
    }
    out.status = settings.ended_at ? Status::enabled_until_earliest_allowed_end : Status::enabled;
    out.earliest_allowed_end_at = TimestampMs(settings.started_at->value() + commitment_ms_min);
    return out;
}

}  // namespace

Task<Result<api::DescribeAccountSettingsOutput>> describe_account_settings(StreamsOp op,
                                                                           api::DescribeAccountSettingsInput) {
    api::DescribeAccountSettingsOutput output;
    output.minimum_throughput_billing_commitment = describe(load_account_settings(op), op.now());
    co_return output;
}

namespace {

AccountSettings changed(AccountSettings settings, bool enable, TimestampMs now) {
    if (enable && settings.is_committed(now)) {
        settings.ended_at.reset();  // AWS: cancels a requested end
    } else if (enable) {
        settings = {now, std::nullopt};
    } else if (settings.is_committed(now) && !settings.ended_at) {
        settings.ended_at = std::max(now, TimestampMs(settings.started_at->value() + commitment_ms_min));
    }
    return settings;
}

// A command that creates the settings object, or replaces the version that was read.
catalog::Command store(StreamsOp op, const catalog::ObjectState* present, const AccountSettings& settings) {
    if (present != nullptr) return catalog::replace_object(*present, encode(settings));
    catalog::CreateObject command;
    command.object.kind = catalog::ObjectState::Kind::account_settings;
    command.object.account = op.account();
    command.object.region = op.region();
    command.object.name = "settings";
    command.object.arn = account_settings_arn(op);
    command.object.settings = encode(settings);
    return command;
}

}  // namespace

Task<Result<api::UpdateAccountSettingsOutput>> update_account_settings(StreamsOp op,
                                                                       api::UpdateAccountSettingsInput request) {
    const bool enable = request.minimum_throughput_billing_commitment.status ==
                        api::MinimumThroughputBillingCommitmentInputStatus::enabled;
    const TimestampMs now = op.now();
    for (int attempt = 0; attempt < replace_attempts_max; ++attempt) {
        const auto present = op.catalog().snapshot()->find_object(account_settings_arn(op));
        const AccountSettings settings = changed(load_account_settings(op), enable, now);
        CO_TRY(const catalog::Verdict verdict, co_await op.submit(store(op, present.get(), settings)));
        // A concurrent call has changed the settings.
        if (verdict.code != catalog::Verdict::Code::ok) continue;
        api::UpdateAccountSettingsOutput output;
        output.minimum_throughput_billing_commitment = describe(settings, now);
        co_return output;
    }
    co_return fail(errors::internal_failure());
}

}  // namespace riacho::streams
