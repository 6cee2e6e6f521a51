// DescribeAccountSettings, UpdateAccountSettings.
#include <algorithm>

#include "aws/gen/kinesis/errors.gen.h"
#include "aws/gen/kinesis/types_describe_account_settings.gen.h"
#include "aws/gen/kinesis/types_update_account_settings.gen.h"
#include "base/try.h"
#include "core/task.h"
#include "streams/account.h"
#include "streams/ops/ops.h"

namespace riacho::streams {

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

Task<Result<api::UpdateAccountSettingsOutput>> update_account_settings(StreamsOp op,
                                                                       api::UpdateAccountSettingsInput request) {
    AccountSettings settings = load_account_settings(op);
    const bool enable = request.minimum_throughput_billing_commitment.status ==
                        api::MinimumThroughputBillingCommitmentInputStatus::enabled;
    const TimestampMs now = op.now();
    if (enable && settings.is_committed(now)) {
        settings.ended_at.reset();  // AWS: cancels an end that was asked for
    } else if (enable) {
        settings = {now, std::nullopt};
    } else if (settings.is_committed(now) && !settings.ended_at) {
        settings.ended_at = std::max(now, TimestampMs(settings.started_at->value() + commitment_ms_min));
    }
    catalog::PutResource command;
    command.resource.kind = catalog::ResourceState::Kind::account_settings;
    command.resource.account = op.account();
    command.resource.region = op.region();
    command.resource.name = "settings";
    command.resource.arn = account_settings_arn(op);
    command.resource.settings = encode(settings);
    command.replace = op.catalog().snapshot()->find_resource(command.resource.arn) != nullptr;
    CO_TRY(catalog::Verdict verdict, co_await op.submit(command));
    if (verdict.code == catalog::Verdict::Code::resource_exists) {
        // Somebody else's first call came in between.
        command.replace = true;
        CO_TRY(verdict, co_await op.submit(std::move(command)));
    }
    api::UpdateAccountSettingsOutput output;
    output.minimum_throughput_billing_commitment = describe(settings, now);
    co_return output;
}

}  // namespace riacho::streams
