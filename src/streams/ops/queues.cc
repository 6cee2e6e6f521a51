// CreateQueue, DescribeQueue, ListQueues, UpdateQueue, DeleteQueue.
#include "streams/queues.h"
#include "catalog/replace_object.h"

#include <fmt/format.h>

#include <algorithm>

#include "aws/arn.h"
#include "aws/gen/kinesis/errors.gen.h"
#include "aws/gen/kinesis/types_create_queue.gen.h"
#include "aws/gen/kinesis/types_delete_queue.gen.h"
#include "aws/gen/kinesis/types_describe_queue.gen.h"
#include "aws/gen/kinesis/types_list_queues.gen.h"
#include "aws/gen/kinesis/types_update_queue.gen.h"
#include "base/try.h"
#include "catalog/queue_progress.h"
#include "core/rng.h"
#include "core/task.h"
#include "streams/describe.h"
#include "streams/ops/ops.h"
#include "streams/paging.h"
#include "streams/position.h"
#include "streams/resources.h"
#include "streams/shards.h"
#include "streams/tags.h"

namespace riacho::streams {

namespace errors = api::errors;
using catalog::ObjectState;
using Code = catalog::Verdict::Code;

namespace {

constexpr std::int32_t receive_max_default = 6;
constexpr std::int32_t queues_page_max = 100;

api::QueueStatus to_queue_status(catalog::StreamStatus status) {
    switch (status) {
        case catalog::StreamStatus::creating:
            return api::QueueStatus::creating;
        case catalog::StreamStatus::active:
            return api::QueueStatus::active;
        case catalog::StreamStatus::updating:
            return api::QueueStatus::updating;
        case catalog::StreamStatus::deleting:
            break;
    }
    return api::QueueStatus::deleting;
}

void apply_attributes(const api::QueueAttributes& attributes, QueueSettings& settings) {
    if (attributes.visibility_timeout_seconds) settings.visibility_timeout_s = *attributes.visibility_timeout_seconds;
    if (const auto& letters = attributes.dead_letter_configuration) {
        settings.target = letters->target_type;
        settings.receive_max = letters->max_receive_count.value_or(receive_max_default);
    }
}

api::QueueDescription describe(const ObjectState& queue, TimestampMs now) {
    const QueueSettings settings = decode_queue_settings(queue.settings);
    api::QueueDescription out;
    out.queue_name = queue.name;
    out.queue_arn = queue.arn;
    out.queue_status = to_queue_status(queue.status(now));
    out.queue_creation_timestamp = queue.created_at;
    api::QueueStreamConfiguration& source = out.stream_configuration_list.emplace_back();
    source.stream_arn = settings.stream_arn;
    api::QueueStartingPosition& start = source.starting_position.emplace();
    start.type = settings.starting;
    // AWS: returned once the queue is ACTIVE, unless the request gave it (spec 2.13).
    const bool known = settings.starting == api::QueueStartingPositionType::at_timestamp ||
                       out.queue_status != api::QueueStatus::creating;
    if (known) start.timestamp = settings.starting_at;
    api::QueueAttributes& attributes = out.queue_attributes.emplace();
    attributes.visibility_timeout_seconds = settings.visibility_timeout_s;
    api::DeadLetterConfiguration& letters = attributes.dead_letter_configuration.emplace();
    letters.target_type = settings.target;
    if (settings.target == api::TargetType::built_in) letters.max_receive_count = settings.receive_max;
    return out;
}

Result<QueueRef> find_queue(StreamsOp op, std::string_view arn) {
    return resolve_resource(op, ObjectState::Kind::queue, arn);
}

// Sets the first record to deliver of every shard.
Task<Result<void>> set_start(StreamsOp op, StreamRef stream, QueueSettings& settings, catalog::CreateObject& command) {
    StartingPoint start;
    switch (settings.starting) {
        case api::QueueStartingPositionType::trim_horizon:
            start.type = api::ShardIteratorType::trim_horizon;
            settings.starting_at = std::max(stream->created_at, retention_horizon(*stream, op.service().clock));
            break;
        case api::QueueStartingPositionType::latest:
            start.type = api::ShardIteratorType::latest;
            settings.starting_at = op.now();
            break;
        case api::QueueStartingPositionType::at_timestamp:
            start.type = api::ShardIteratorType::at_timestamp;
            start.timestamp = settings.starting_at;
            break;
    }
    for (const catalog::ShardState& shard : stream->shards) {
        CO_TRY(const std::uint64_t first, co_await find_position(op, ShardRef{stream, &shard}, start));
        if (first > 1) command.progress.push_back(catalog::queue_start(shard.uid, first));
    }
    co_return Result<void>();
}

Result<QueueSettings> settings_of(const api::CreateQueueInput& request) {
    if (request.stream_configuration_list.size() != 1) {
        return fail(errors::invalid_argument("StreamConfigurationList must have exactly one element."));
    }
    QueueSettings settings;
    const auto& start = request.stream_configuration_list.front().starting_position;
    if (start) {
        settings.starting = start->type;
        const bool needs = start->type == api::QueueStartingPositionType::at_timestamp;
        if (needs != start->timestamp.has_value()) {
            return fail(errors::queue_timestamp_with_at_timestamp_only());
        }
        if (needs) settings.starting_at = *start->timestamp;
    }
    if (request.queue_attributes) apply_attributes(*request.queue_attributes, settings);
    return settings;
}

}  // namespace

Task<Result<api::CreateQueueOutput>> create_queue(StreamsOp op, api::CreateQueueInput request) {
    CO_TRY(QueueSettings settings, settings_of(request));
    CO_TRY(const StreamRef stream, op.resolve(std::nullopt, request.stream_configuration_list.front().stream_arn));
    const catalog::StreamStatus status = stream->status(op.now());
    if (status == catalog::StreamStatus::creating || status == catalog::StreamStatus::deleting) {
        co_return fail(errors::stream_not_active(stream->name, stream->account, name_of(to_api(status))));
    }
    if (stream->mode != catalog::StreamMode::on_demand) {
        co_return fail(errors::stream_is_provisioned(stream->name, stream->account));
    }
    const std::int32_t consumers =
        stream->consumer_count(op.now()) + resource_count(op, ObjectState::Kind::queue, *stream);
    if (consumers >= op.service().consumers_max) {
        co_return fail(errors::too_many_consumers(stream->name, stream->account, op.service().consumers_max));
    }
    settings.stream_arn = stream->arn;
    catalog::CreateObject command;
    ObjectState& resource = command.object;
    resource.kind = ObjectState::Kind::queue;
    resource.account = op.account();
    resource.region = op.region();
    resource.name = request.queue_name;
    resource.arn = fmt::format("arn:{}:kinesis:{}:{}:queue/{}", aws::partition_of(op.region()), op.region(),
                               op.account(), op.service().rng.uuid());
    const std::string arn = resource.arn;
    resource.stream_uid = stream->uid;
    CO_TRY_VOID(co_await set_start(op, stream, settings, command));
    resource.settings = encode(settings);
    if (request.tags) {
        CO_TRY(resource.tags, checked_tags(*request.tags, arn, op.account()));
    }
    command.transition_ms = op.service().transition_delay_ms;
    CO_TRY(const catalog::Verdict verdict, co_await op.submit(std::move(command)));
    CO_TRY_VOID(check_source(verdict, *stream));
    if (verdict.code == Code::object_exists) {
        co_return fail(errors::resource_already_exists("Queue", request.queue_name, op.account()));
    }
    CO_TRY(const QueueRef queue, find_queue(op, arn));
    co_return api::CreateQueueOutput{describe(*queue, op.now())};
}

Task<Result<api::DescribeQueueOutput>> describe_queue(StreamsOp op, api::DescribeQueueInput request) {
    CO_TRY(const QueueRef queue, find_queue(op, request.queue_arn));
    co_return api::DescribeQueueOutput{describe(*queue, op.now())};
}

Task<Result<api::ListQueuesOutput>> list_queues(StreamsOp op, api::ListQueuesInput request) {
    CO_TRY(const PageToken resumed, resume_listing(op, TokenSealer::Kind::list_queues, request.next_token));
    const auto limit =
        static_cast<std::size_t>(std::min(request.max_results.value_or(queues_page_max), queues_page_max));
    api::ListQueuesOutput output;
    for (const auto& queue : resources_of(op, ObjectState::Kind::queue)) {
        if (queue->arn <= resumed.after) continue;
        const StreamRef stream = op.catalog().snapshot()->find_by_uid(queue->stream_uid);
        if (stream == nullptr) continue;
        const TimestampMs created = whole_seconds(stream->created_at);
        const bool wanted = !request.stream_filter || request.stream_filter->empty() ||
                            std::ranges::any_of(*request.stream_filter, [&](const api::QueueStreamFilter& filter) {
                                return filter.stream_arn == stream->arn &&
                                       (!filter.stream_creation_timestamp ||
                                        whole_seconds(*filter.stream_creation_timestamp) == created);
                            });
        if (!wanted) continue;
        if (output.queue_summaries.size() == limit) {
            const PageToken page{op.now(), 0, output.queue_summaries.back().queue_arn, {}};
            output.next_token = seal_page(op.tokens(), TokenSealer::Kind::list_queues, page);
            break;
        }
        api::QueueSummary& summary = output.queue_summaries.emplace_back();
        summary.queue_name = queue->name;
        summary.queue_arn = queue->arn;
        summary.queue_status = to_queue_status(queue->status(op.now()));
        summary.queue_creation_timestamp = queue->created_at;
        summary.streams.push_back({stream->arn, created});
    }
    co_return output;
}

Task<Result<api::UpdateQueueOutput>> update_queue(StreamsOp op, api::UpdateQueueInput request) {
    for (int attempt = 0; attempt < replace_attempts_max; ++attempt) {
        CO_TRY(const QueueRef queue, find_queue(op, request.queue_arn));
        QueueSettings settings = decode_queue_settings(queue->settings);
        apply_attributes(request.queue_attributes, settings);
        CO_TRY(const catalog::Verdict verdict,
               co_await op.submit(catalog::replace_object(*queue, encode(settings), op.service().transition_delay_ms)));
        if (verdict.code == Code::object_changed) continue;  // a concurrent update has changed the queue
        if (verdict.code == Code::object_not_active) {
            co_return fail(
                errors::resource_not_active("Queue", queue->name, op.account(), name_of(to_api(verdict.status))));
        }
        CO_TRY(const QueueRef changed, find_queue(op, request.queue_arn));
        co_return api::UpdateQueueOutput{describe(*changed, op.now())};
    }
    co_return fail(errors::internal_failure());
}

Task<Result<api::DeleteQueueOutput>> delete_queue(StreamsOp op, api::DeleteQueueInput request) {
    CO_TRY(const QueueRef queue, find_queue(op, request.queue_arn));
    catalog::DeleteObject command{{queue->uid, {}}, 0, op.service().transition_delay_ms};
    CO_TRY(const catalog::Verdict verdict, co_await op.submit(std::move(command)));
    static_cast<void>(verdict);  // a repeated deletion is no error
    op.service().queues.forget(queue->arn);
    co_return api::DeleteQueueOutput{};
}

}  // namespace riacho::streams
