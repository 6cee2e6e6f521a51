// ReceiveQueueRecords, AcknowledgeQueueRecords, UpdateQueueRecordsVisibility, the same three for the dead-letter queue,
// and RestoreDeadLetterQueueRecords.
#include "aws/gen/kinesis/errors.gen.h"
#include "aws/gen/kinesis/types_acknowledge_dead_letter_queue_records.gen.h"
#include "aws/gen/kinesis/types_acknowledge_queue_records.gen.h"
#include "aws/gen/kinesis/types_receive_dead_letter_queue_records.gen.h"
#include "aws/gen/kinesis/types_receive_queue_records.gen.h"
#include "aws/gen/kinesis/types_restore_dead_letter_queue_records.gen.h"
#include "aws/gen/kinesis/types_update_dead_letter_queue_records_visibility.gen.h"
#include "aws/gen/kinesis/types_update_queue_records_visibility.gen.h"
#include "base/try.h"
#include "core/clock.h"
#include "core/task.h"
#include "streams/ops/ops.h"
#include "streams/queues.h"
#include "streams/receive.h"
#include "streams/resources.h"

namespace riacho::streams {

using Action = catalog::QueueProgress::Action;

namespace {

// AWS: an entry's failure is reported in the reply, which has status 200 (spec 2.13).
struct EntryFault {
    std::string_view code;
    std::string_view message;
};
constexpr EntryFault bad_handle{"InvalidArgumentException", "The receipt handle is not valid for this queue."};
constexpr EntryFault old_handle{"ResourceNotFoundException", "The record is no longer received under this handle."};

template <class Output>
void add_failed(Output& output, std::string_view handle, EntryFault fault) {
    auto& failed = output.failed.emplace_back();
    failed.receipt_handle = handle;
    failed.error_code = fault.code;
    failed.error_message = std::string(fault.message);
}

// The receipt, if the handle belongs to this queue, and to its dead-letter queue exactly if `dead`.
std::optional<Receipt> open_for(StreamsOp op, const QueueRef& queue, std::string_view handle, bool dead) {
    auto receipt = open_receipt(op.tokens(), handle);
    if (!receipt || receipt->arn != queue->arn || receipt->dead != dead) return std::nullopt;
    return receipt;
}

// Acknowledges or restores the entries' records.
template <class Output, class Request>
Task<Result<Output>> settle(StreamsOp op, Request request, Action action) {
    const bool dead = action != Action::acknowledge;
    CO_TRY(const QueueRef queue, resolve_resource(op, catalog::ObjectState::Kind::queue, request.queue_arn));
    const auto work = op.service().queues.of(queue->arn);
    Deliveries& deliveries = dead ? work->dead : work->records;
    Output output;
    catalog::QueueProgress command{queue->arn, {}};
    std::vector<QueueKey> keys;
    for (const auto& entry : request.entries) {
        const auto receipt = open_for(op, queue, entry.receipt_handle, dead);
        if (!receipt) {
            add_failed(output, entry.receipt_handle, bad_handle);
        } else if (!deliveries.is_valid(receipt->key, receipt->number)) {
            add_failed(output, entry.receipt_handle, old_handle);
        } else {
            command.steps.push_back({action, receipt->key.shard_uid, receipt->key.seq});
            keys.push_back(receipt->key);
            output.successful.emplace_back().receipt_handle = entry.receipt_handle;
        }
    }
    if (command.steps.empty()) co_return output;
    CO_TRY(const catalog::Verdict verdict, co_await op.submit(std::move(command)));
    static_cast<void>(verdict);  // a deleted queue needs no acknowledgement
    for (const QueueKey& key : keys) deliveries.forget(key);
    if (action == Action::restore) work->receivers.notify();
    co_return output;
}

template <class Output, class Request>
Result<Output> change_visibility(StreamsOp op, const Request& request, bool dead) {
    TRY(const QueueRef queue, resolve_resource(op, catalog::ObjectState::Kind::queue, request.queue_arn));
    const auto work = op.service().queues.of(queue->arn);
    Deliveries& deliveries = dead ? work->dead : work->records;
    const std::int64_t now = op.service().clock.now().value();
    Output output;
    for (const auto& entry : request.entries) {
        const auto receipt = open_for(op, queue, entry.receipt_handle, dead);
        const TimestampMs visible_at(now + std::int64_t{entry.visibility_timeout_seconds} * 1'000);
        if (!receipt) {
            add_failed(output, entry.receipt_handle, bad_handle);
        } else if (!deliveries.change_visibility(receipt->key, receipt->number, visible_at)) {
            add_failed(output, entry.receipt_handle, old_handle);
        } else {
            output.successful.emplace_back().receipt_handle = entry.receipt_handle;
        }
    }
    if (!output.successful.empty()) work->receivers.notify();  // a shorter timeout may end before they look again
    return output;
}

}  // namespace

Task<Result<api::ReceiveQueueRecordsOutput>> receive_queue_records(StreamsOp op,
                                                                   api::ReceiveQueueRecordsInput request) {
    const ReceiveRequest wanted{request.queue_arn, request.limit, request.wait_time_seconds,
                                request.visibility_timeout_seconds, false};
    CO_TRY(auto records, co_await receive(op, wanted));
    co_return api::ReceiveQueueRecordsOutput{std::move(records)};
}

Task<Result<api::ReceiveDeadLetterQueueRecordsOutput>> receive_dead_letter_queue_records(
    StreamsOp op, api::ReceiveDeadLetterQueueRecordsInput request) {
    const ReceiveRequest wanted{request.queue_arn, request.limit, request.wait_time_seconds,
                                request.visibility_timeout_seconds, true};
    CO_TRY(auto records, co_await receive(op, wanted));
    co_return api::ReceiveDeadLetterQueueRecordsOutput{std::move(records)};
}

Task<Result<api::AcknowledgeQueueRecordsOutput>> acknowledge_queue_records(StreamsOp op,
                                                                           api::AcknowledgeQueueRecordsInput request) {
    co_return co_await settle<api::AcknowledgeQueueRecordsOutput>(op, std::move(request), Action::acknowledge);
}

Task<Result<api::AcknowledgeDeadLetterQueueRecordsOutput>> acknowledge_dead_letter_queue_records(
    StreamsOp op, api::AcknowledgeDeadLetterQueueRecordsInput request) {
    co_return co_await settle<api::AcknowledgeDeadLetterQueueRecordsOutput>(op, std::move(request),
                                                                            Action::acknowledge_dead);
}

Task<Result<api::RestoreDeadLetterQueueRecordsOutput>> restore_dead_letter_queue_records(
    StreamsOp op, api::RestoreDeadLetterQueueRecordsInput request) {
    co_return co_await settle<api::RestoreDeadLetterQueueRecordsOutput>(op, std::move(request), Action::restore);
}

Task<Result<api::UpdateQueueRecordsVisibilityOutput>> update_queue_records_visibility(
    StreamsOp op, api::UpdateQueueRecordsVisibilityInput request) {
    co_return change_visibility<api::UpdateQueueRecordsVisibilityOutput>(op, request, false);
}

Task<Result<api::UpdateDeadLetterQueueRecordsVisibilityOutput>> update_dead_letter_queue_records_visibility(
    StreamsOp op, api::UpdateDeadLetterQueueRecordsVisibilityInput request) {
    co_return change_visibility<api::UpdateDeadLetterQueueRecordsVisibilityOutput>(op, request, true);
}

}  // namespace riacho::streams
