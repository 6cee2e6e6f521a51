// PutResourcePolicy, GetResourcePolicy, DeleteResourcePolicy.
#include <span>

#include "aws/gen/kinesis/errors.gen.h"
#include "aws/gen/kinesis/types_delete_resource_policy.gen.h"
#include "aws/gen/kinesis/types_get_resource_policy.gen.h"
#include "aws/gen/kinesis/types_put_resource_policy.gen.h"
#include "aws/policy.h"
#include "base/try.h"
#include "core/task.h"
#include "streams/configure.h"
#include "streams/consumers.h"
#include "streams/ops/ops.h"
#include "streams/resources.h"
#include "streams/sharing.h"

namespace riacho::streams {

namespace errors = api::errors;

namespace {

constexpr std::size_t policy_size_max = std::size_t{20} << 10;  // AWS: spec 2.8

// Finds a stream or a consumer; no other resource has a policy.
Result<AnyResource> resolve_owner(StreamsOp op, std::string_view arn) {
    TRY(AnyResource found, resolve_any(op, arn));
    if (found.stream == nullptr) return fail(errors::stream_not_found(arn, op.account()));
    return found;
}

const std::string& policy_of(const AnyResource& found) {
    return found.consumer != nullptr ? found.consumer->policy : found.stream->policy;
}

Result<void> check_policy_text(const AnyResource& found, std::string_view arn, std::string_view text) {
    const std::span<const std::string_view> shared =
        found.consumer != nullptr ? std::span<const std::string_view>(shared_by_consumers) : shared_by_streams;
    if (text.size() > policy_size_max) {
        return fail(errors::invalid_argument("The policy is larger than the limit of 20480 bytes."));
    }
    const auto policy = aws::Policy::parse(text);
    if (!policy) return fail(errors::invalid_argument(policy.error()));
    if (const auto other = policy->resource_other_than(arn)) {
        return fail(errors::invalid_argument("The policy names " + std::string(*other) +
                                             ", which is not the resource " + std::string(arn) + "."));
    }
    if (const auto action = policy->action_outside(shared)) {
        return fail(errors::invalid_argument("The policy names the action " + std::string(*action) +
                                             ", which cannot be allowed by a policy of this resource."));
    }
    return {};
}

Task<Result<void>> set_policy(StreamsOp op, AnyResource found, std::string policy) {
    if (found.consumer == nullptr) {
        catalog::ConfigureStream change = change_of(*found.stream);
        change.policy = std::move(policy);
        co_return co_await configure(op, found.stream, std::move(change));
    }
    catalog::ConfigureConsumer command;
    command.key = key_of(*found.stream);
    command.name = found.consumer->name;
    command.policy = std::move(policy);
    CO_TRY(const catalog::Verdict verdict, co_await op.submit(std::move(command)));
    if (verdict.code == catalog::Verdict::Code::ok) co_return Result<void>();
    co_return fail(errors::consumer_not_found(found.consumer->arn, op.account()));
}

}  // namespace

Task<Result<api::PutResourcePolicyOutput>> put_resource_policy(StreamsOp op, api::PutResourcePolicyInput request) {
    CO_TRY(AnyResource found, resolve_owner(op, request.resource_arn));
    if (found.consumer != nullptr && status_of(*found.consumer, op.now()) != api::ConsumerStatus::active) {
        co_return fail(errors::consumer_not_active(found.consumer->name, found.consumer->created_at.value() / 1000,
                                                   found.stream->name, op.account()));
    }
    CO_TRY_VOID(check_policy_text(found, request.resource_arn, request.policy));
    CO_TRY_VOID(co_await set_policy(op, std::move(found), std::string(request.policy)));
    co_return api::PutResourcePolicyOutput{};
}

Task<Result<api::GetResourcePolicyOutput>> get_resource_policy(StreamsOp op, api::GetResourcePolicyInput request) {
    CO_TRY(const AnyResource found, resolve_owner(op, request.resource_arn));
    const std::string& policy = policy_of(found);
    co_return api::GetResourcePolicyOutput{policy.empty() ? "{}" : policy};
}

Task<Result<api::DeleteResourcePolicyOutput>> delete_resource_policy(StreamsOp op,
                                                                     api::DeleteResourcePolicyInput request) {
    CO_TRY(AnyResource found, resolve_owner(op, request.resource_arn));
    if (policy_of(found).empty()) co_return fail(errors::resource_policy_not_found(request.resource_arn));
    CO_TRY_VOID(co_await set_policy(op, std::move(found), std::string()));
    co_return api::DeleteResourcePolicyOutput{};
}

}  // namespace riacho::streams
