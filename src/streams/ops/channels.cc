// CreateChannel, DescribeChannel, ListChannels, UpdateChannel, DeleteChannel. The control plane is complete; delivery
// is not implemented until Data Firehose is, and the status reason of a channel states that.
#include "catalog/replace_object.h"
#include "streams/channel.h"

#include <fmt/format.h>

#include <algorithm>

#include "aws/arn.h"
#include "aws/gen/kinesis/errors.gen.h"
#include "aws/gen/kinesis/types_create_channel.gen.h"
#include "aws/gen/kinesis/types_delete_channel.gen.h"
#include "aws/gen/kinesis/types_describe_channel.gen.h"
#include "aws/gen/kinesis/types_list_channels.gen.h"
#include "aws/gen/kinesis/types_update_channel.gen.h"
#include "base/try.h"
#include "core/rng.h"
#include "core/task.h"
#include "streams/describe.h"
#include "streams/ops/ops.h"
#include "streams/paging.h"
#include "streams/resources.h"
#include "streams/tags.h"

namespace riacho::streams {

namespace errors = api::errors;
using catalog::ObjectState;
using Code = catalog::Verdict::Code;

namespace {

constexpr std::int32_t freshness_default_s = 300;
constexpr std::uint32_t channels_max = 100;
constexpr std::int32_t channels_page_max = 100;
constexpr std::string_view no_delivery =
    "This server keeps channels but does not deliver them yet; see docs/compatibility/data-streams.md.";

// AWS: spec 2.12. GSR_JSON goes to S3 Tables only, STRING and BYTE_ARRAY to S3 only, JSON to both.
Result<void> check_formats(const api::CreateChannelInput& request) {
    if (request.stream_configuration_list.size() != 1) {
        return fail(errors::invalid_argument("StreamConfigurationList must have exactly one element."));
    }
    if (request.s3_destination_configuration.has_value() == request.s3_tables_destination_configuration.has_value()) {
        return fail(errors::invalid_argument(
            "Exactly one of S3DestinationConfiguration and S3TablesDestinationConfiguration must be given."));
    }
    const api::RecordConfiguration& record = request.stream_configuration_list.front().record_configuration;
    const api::RecordFormatType format = record.record_format_type;
    const bool tables = request.s3_tables_destination_configuration.has_value();
    const bool fits = tables ? format == api::RecordFormatType::gsr_json || format == api::RecordFormatType::json
                             : format != api::RecordFormatType::gsr_json;
    if (!fits) {
        return fail(errors::invalid_argument(
            fmt::format("RecordFormatType {} is not supported for this destination.", name_of(format))));
    }
    if (tables && !record.gsr_schema_arn) {
        return fail(errors::invalid_argument("GSRSchemaARN is required for an S3 Tables destination."));
    }
    return {};
}

api::ChannelDescription description_of(const api::CreateChannelInput& request, const catalog::StreamState& stream,
                                       std::string_view id) {
    api::ChannelDescription channel;
    channel.service_execution_role_arn = request.service_execution_role_arn;
    api::ChannelStreamDescription& source = channel.stream_configuration_list.emplace_back();
    source.stream_arn = stream.arn;
    source.stream_creation_timestamp = whole_seconds(stream.created_at);
    source.record_configuration = request.stream_configuration_list.front().record_configuration;
    if (const auto& wanted = request.s3_destination_configuration) {
        api::S3DestinationDescription& out = channel.s3_destination_configuration.emplace();
        out.data_freshness_in_seconds = wanted->data_freshness_in_seconds.value_or(freshness_default_s);
        out.storage_configuration = wanted->storage_configuration;
        if (!out.storage_configuration.storage_class)
            out.storage_configuration.storage_class = api::S3StorageClass::standard;
        // AWS: without other configuration dead letters go to the destination's bucket (spec 2.12).
        out.dead_letter_queue_s3_configuration =
            wanted->dead_letter_queue_s3_configuration.value_or(api::DeadLetterQueueS3Configuration{
                wanted->storage_configuration.bucket_arn, wanted->storage_configuration.expected_bucket_owner,
                fmt::format("kinesis-channel/errors/{}/{}/", request.channel_name, id)});
    }
    if (const auto& wanted = request.s3_tables_destination_configuration) {
        api::S3TablesDestinationDescription& out = channel.s3_tables_destination_configuration.emplace();
        out.data_freshness_in_seconds = wanted->data_freshness_in_seconds.value_or(freshness_default_s);
        out.dead_letter_queue_s3_configuration = wanted->dead_letter_queue_s3_configuration;
        out.s3_tables_configuration_list = wanted->s3_tables_configuration_list;
    }
    channel.encryption_configuration = request.encryption_configuration;
    api::CloudWatchLogs& logs = channel.logging_configuration.cloud_watch_logs;
    if (request.logging_configuration) logs = request.logging_configuration->cloud_watch_logs;
    if (!logs.log_group_name) logs.log_group_name = fmt::format("/aws/kinesis/{}/{}", request.channel_name, id);
    if (!logs.log_stream_name) logs.log_stream_name = "DestinationDelivery";
    return channel;
}

api::ChannelDescription shown(const ObjectState& resource, TimestampMs now) {
    api::ChannelDescription channel = describe_channel(resource, now);
    channel.channel_status_reason = std::string(no_delivery);
    return channel;
}

// The channel's description after the command.
Result<api::ChannelDescription> shown_after(StreamsOp op, std::string_view arn) {
    TRY(const auto resource, resolve_resource(op, ObjectState::Kind::channel, arn));
    return shown(*resource, op.now());
}

bool is_wanted(const api::ChannelDescription& channel, const std::optional<std::vector<api::StreamFilter>>& filters) {
    if (!filters || filters->empty()) return true;
    const api::ChannelStreamDescription& source = channel.stream_configuration_list.front();
    return std::ranges::any_of(*filters, [&](const api::StreamFilter& filter) {
        return filter.stream_arn == source.stream_arn &&
               (!filter.stream_creation_timestamp ||
                whole_seconds(*filter.stream_creation_timestamp) == source.stream_creation_timestamp);
    });
}

api::ChannelSummary summary_of(const api::ChannelDescription& channel) {
    api::ChannelSummary summary;
    summary.channel_name = channel.channel_name;
    summary.channel_arn = channel.channel_arn;
    summary.channel_id = channel.channel_id;
    summary.channel_status = channel.channel_status;
    summary.channel_status_reason = channel.channel_status_reason;
    summary.channel_creation_timestamp = channel.channel_creation_timestamp;
    summary.channel_destination_type =
        channel.s3_destination_configuration ? api::ChannelDestinationType::s3 : api::ChannelDestinationType::s3_tables;
    const api::ChannelStreamDescription& source = channel.stream_configuration_list.front();
    summary.streams.push_back({source.stream_arn, source.stream_creation_timestamp});
    return summary;
}

}  // namespace

Task<Result<api::CreateChannelOutput>> create_channel(StreamsOp op, api::CreateChannelInput request) {
    CO_TRY_VOID(check_formats(request));
    CO_TRY(const StreamRef stream, op.resolve(std::nullopt, request.stream_configuration_list.front().stream_arn));
    if (stream->mode != catalog::StreamMode::on_demand) {
        co_return fail(errors::stream_is_provisioned(stream->name, stream->account));
    }
    const std::string id = op.service().rng.uuid();
    catalog::CreateObject command;
    ObjectState& resource = command.object;
    resource.kind = ObjectState::Kind::channel;
    resource.account = op.account();
    resource.region = op.region();
    resource.name = request.channel_name;
    resource.arn =
        fmt::format("arn:{}:kinesis:{}:{}:channel/{}", aws::partition_of(op.region()), op.region(), op.account(), id);
    const std::string arn = resource.arn;
    resource.stream_uid = stream->uid;
    resource.settings = encode_channel(description_of(request, *stream, id));
    if (request.tags) {
        CO_TRY(resource.tags, checked_tags(*request.tags, arn, op.account()));
    }
    command.count_max = channels_max;
    command.transition_ms = op.service().transition_delay_ms;
    CO_TRY(const catalog::Verdict verdict, co_await op.submit(std::move(command)));
    CO_TRY_VOID(check_source(verdict, *stream));
    if (verdict.code == Code::object_exists) {
        co_return fail(errors::resource_already_exists("Channel", request.channel_name, op.account()));
    }
    if (verdict.code == Code::too_many_objects) {
        co_return fail(errors::too_many_resources("channels", op.account(), channels_max));
    }
    CO_TRY(api::ChannelDescription channel, shown_after(op, arn));
    co_return api::CreateChannelOutput{std::move(channel)};
}

Task<Result<api::DescribeChannelOutput>> describe_channel(StreamsOp op, api::DescribeChannelInput request) {
    CO_TRY(api::ChannelDescription channel, shown_after(op, request.channel_arn));
    co_return api::DescribeChannelOutput{std::move(channel)};
}

Task<Result<api::ListChannelsOutput>> list_channels(StreamsOp op, api::ListChannelsInput request) {
    CO_TRY(const PageToken resumed, resume_listing(op, TokenSealer::Kind::list_channels, request.next_token));
    const auto limit =
        static_cast<std::size_t>(std::min(request.max_results.value_or(channels_page_max), channels_page_max));
    api::ListChannelsOutput output;
    for (const auto& resource : resources_of(op, ObjectState::Kind::channel)) {
        if (resource->arn <= resumed.after) continue;
        const api::ChannelDescription channel = shown(*resource, op.now());
        if (!is_wanted(channel, request.stream_filter)) continue;
        if (output.channel_summaries.size() == limit) {
            const PageToken page{op.now(), 0, output.channel_summaries.back().channel_arn, {}};
            output.next_token = seal_page(op.tokens(), TokenSealer::Kind::list_channels, page);
            break;
        }
        output.channel_summaries.push_back(summary_of(channel));
    }
    co_return output;
}

namespace {

Result<void> apply_update(const api::UpdateChannelInput& request, api::ChannelDescription& channel) {
    if ((request.s3_destination_configuration && !channel.s3_destination_configuration) ||
        (request.s3_tables_destination_configuration && !channel.s3_tables_destination_configuration)) {
        return fail(errors::invalid_argument("The channel's destination cannot be changed."));
    }
    if (const auto& wanted = request.s3_destination_configuration) {
        channel.s3_destination_configuration->data_freshness_in_seconds = wanted->data_freshness_in_seconds;
    }
    if (const auto& wanted = request.s3_tables_destination_configuration) {
        channel.s3_tables_destination_configuration->data_freshness_in_seconds = wanted->data_freshness_in_seconds;
    }
    if (const auto& wanted = request.logging_configuration) {
        api::CloudWatchLogs& logs = channel.logging_configuration.cloud_watch_logs;
        logs.enabled = wanted->cloud_watch_logs.enabled;
        if (wanted->cloud_watch_logs.log_group_name) logs.log_group_name = *wanted->cloud_watch_logs.log_group_name;
        if (wanted->cloud_watch_logs.log_stream_name) logs.log_stream_name = *wanted->cloud_watch_logs.log_stream_name;
    }
    return {};
}

}  // namespace

Task<Result<api::UpdateChannelOutput>> update_channel(StreamsOp op, api::UpdateChannelInput request) {
    for (int attempt = 0; attempt < replace_attempts_max; ++attempt) {
        CO_TRY(const auto resource, resolve_resource(op, ObjectState::Kind::channel, request.channel_arn));
        api::ChannelDescription channel = describe_channel(*resource, op.now());
        CO_TRY_VOID(apply_update(request, channel));
        CO_TRY(const catalog::Verdict verdict,
               co_await op.submit(
                   catalog::replace_object(*resource, encode_channel(channel), op.service().transition_delay_ms)));
        if (verdict.code == Code::object_changed) continue;  // a concurrent update has changed the channel
        if (verdict.code == Code::object_not_active) {
            co_return fail(
                errors::resource_not_active("Channel", resource->name, op.account(), name_of(to_api(verdict.status))));
        }
        CO_TRY(api::ChannelDescription changed, shown_after(op, request.channel_arn));
        co_return api::UpdateChannelOutput{std::move(changed)};
    }
    co_return fail(errors::internal_failure());
}

Task<Result<api::DeleteChannelOutput>> delete_channel(StreamsOp op, api::DeleteChannelInput request) {
    CO_TRY(const auto resource, resolve_resource(op, ObjectState::Kind::channel, request.channel_arn));
    catalog::DeleteObject command{{resource->uid, {}}, 0, op.service().transition_delay_ms};
    CO_TRY(const catalog::Verdict verdict, co_await op.submit(std::move(command)));
    static_cast<void>(verdict);  // a repeated deletion is no error
    co_return api::DeleteChannelOutput{};
}

}  // namespace riacho::streams
