// PutRecord, PutRecordBatch. Records are durable in the delivery stream's own shard before the reply.
#include <span>
#include <vector>

#include "aws/gen/firehose/errors.gen.h"
#include "aws/gen/firehose/types_put_record.gen.h"
#include "aws/gen/firehose/types_put_record_batch.gen.h"
#include "base/check.h"
#include "base/try.h"
#include "core/clock.h"
#include "core/task.h"
#include "firehose/limits.h"
#include "firehose/metrics.h"
#include "firehose/ops/ops.h"
#include "firehose/put.h"

namespace riacho::firehose {

namespace errors = api::errors;

namespace {

constexpr std::size_t batch_bytes_max = 4U << 20;  // AWS: spec 6.1

// A delivery stream that accepts records. AWS: ResourceNotFoundException for one that is CREATING or DELETING.
Result<StreamRef> resolve_writable(FirehoseOp op, std::string_view name) {
    TRY(StreamRef stream, op.resolve(name));
    if (status_of(*stream.object, op.now()) != api::DeliveryStreamStatus::active) {
        return fail(errors::stream_not_found(name, op.account()));
    }
    if (stream.settings->source) return fail(errors::stream_has_a_source());
    return stream;
}

// The error for records that the log refused. AWS: "Slow down." makes every SDK retry.
aws::ApiError to_api(log::LogError error, const StreamRef& stream) {
    switch (error) {
        case log::LogError::overloaded:
        case log::LogError::disk_full:
            return errors::too_fast();
        case log::LogError::poisoned:
        case log::LogError::shutting_down:
        case log::LogError::corrupt:
            return errors::record_failed();
        case log::LogError::sealed:
        case log::LogError::unknown_shard:
            return errors::stream_not_found(stream.object->name, stream.object->account);
    }
    RIACHO_CHECK(false, "an unknown LogError");
}

// The number of records, from the first on, that AWS's limits admit.
std::size_t admitted(FirehoseOp op, const StreamRef& stream, std::span<const api::Record> records) {
    Limits& limits = op.service().limits;
    if (!limits.enforced()) return records.size();
    std::vector<std::size_t> sizes;
    sizes.reserve(records.size());
    for (const api::Record& record : records) sizes.push_back(record.data.size());
    return limits.put(stream.object->uid, op.region(), sizes, op.service().clock.monotonic());
}

std::size_t total_bytes(std::span<const api::Record> records) {
    std::size_t bytes = 0;
    for (const api::Record& record : records) bytes += record.data.size();
    return bytes;
}

// Views of the records' data, in the order of the request.
std::vector<wire::Blob> blobs_of(std::span<const api::Record> records) {
    std::vector<wire::Blob> blobs;
    blobs.reserve(records.size());
    for (const api::Record& record : records) blobs.push_back(record.data);
    return blobs;
}

void refuse(api::PutRecordBatchResponseEntry& entry, const aws::ApiError& error) {
    entry.error_code = std::string(error.code);
    entry.error_message = error.message;
}

}  // namespace

Task<Result<api::PutRecordOutput>> put_record(FirehoseOp op, api::PutRecordInput request) {
    const MonotonicNs started = op.service().clock.monotonic();
    CO_TRY(const StreamRef stream, resolve_writable(op, request.delivery_stream_name));
    const std::span<const api::Record> records(&request.record, 1);
    const auto counters = counters_of(op.service(), stream);
    add(counters->put_record_requests, 1);
    if (is_backlogged(*counters) || admitted(op, stream, records) == 0) {
        add(counters->throttled_records, 1);
        co_return fail(errors::too_fast());
    }
    const bool seals = stream.settings->seals(op.now());
    const std::vector<wire::Blob> blobs = blobs_of(records);
    const auto appended = co_await append_records(op.service(), op.core(), stream, blobs, seals);
    counters->put_record_latency.record_ns(op.service().clock.monotonic().value() - started.value());
    if (!appended) {
        const aws::ApiError error = to_api(appended.error(), stream);
        if (error.status == errors::too_fast().status) add(counters->throttled_records, 1);
        co_return fail(error);
    }
    count_accepted(*counters, 1, request.record.data.size());
    add(counters->put_record_bytes, request.record.data.size());
    api::PutRecordOutput output;
    output.record_id = RecordIds(stream.object->uid, appended->first, op.service().rng).next();
    output.encrypted = seals;
    co_return output;
}

Task<Result<api::PutRecordBatchOutput>> put_record_batch(FirehoseOp op, api::PutRecordBatchInput request) {
    const MonotonicNs started = op.service().clock.monotonic();
    CO_TRY(const StreamRef stream, resolve_writable(op, request.delivery_stream_name));
    if (total_bytes(request.records) > batch_bytes_max) co_return fail(errors::records_too_large(4));
    const auto counters = counters_of(op.service(), stream);
    add(counters->put_record_batch_requests, 1);
    add(counters->put_record_batch_records, request.records.size());
    std::size_t taken = is_backlogged(*counters) ? 0 : admitted(op, stream, request.records);
    const bool seals = stream.settings->seals(op.now());
    api::PutRecordBatchOutput output;
    output.encrypted = seals;
    output.request_responses.resize(request.records.size());
    if (taken > 0) {
        const std::span<const api::Record> records = std::span<const api::Record>(request.records).first(taken);
        const std::vector<wire::Blob> blobs = blobs_of(records);
        const auto appended = co_await append_records(op.service(), op.core(), stream, blobs, seals);
        if (appended) {
            const std::size_t bytes = total_bytes(records);
            RecordIds ids(stream.object->uid, appended->first, op.service().rng);
            for (std::size_t i = 0; i < taken; ++i) output.request_responses[i].record_id = ids.next();
            count_accepted(*counters, taken, bytes);
            add(counters->put_record_batch_bytes, bytes);
        } else {
            // AWS: throttled records are listed in a reply of 200; other failures fail the call.
            aws::ApiError error = to_api(appended.error(), stream);
            if (error != errors::too_fast()) co_return fail(std::move(error));
            taken = 0;
        }
    }
    counters->put_record_batch_latency.record_ns(op.service().clock.monotonic().value() - started.value());
    for (std::size_t i = taken; i < request.records.size(); ++i)
        refuse(output.request_responses[i], errors::too_fast());
    output.failed_put_count = static_cast<std::int32_t>(request.records.size() - taken);
    add(counters->throttled_records, request.records.size() - taken);
    co_return output;
}

}  // namespace riacho::firehose
