// CreateStream, DescribeStream, ListStreams, UpdateStream, DeleteStream, the storage tier, and GetDataEndpoint.
#include <fmt/format.h>

#include <algorithm>

#include "aws/arn.h"
#include "aws/gen/video/errors.gen.h"
#include "aws/gen/video/types_create_stream.gen.h"
#include "aws/gen/video/types_delete_stream.gen.h"
#include "aws/gen/video/types_describe_stream.gen.h"
#include "aws/gen/video/types_describe_stream_storage_configuration.gen.h"
#include "aws/gen/video/types_get_data_endpoint.gen.h"
#include "aws/gen/video/types_list_streams.gen.h"
#include "aws/gen/video/types_update_stream.gen.h"
#include "aws/gen/video/types_update_stream_storage_configuration.gen.h"
#include "aws/token_sealer.h"
#include "base/try.h"
#include "catalog/replace_object.h"
#include "core/task.h"
#include "video/endpoints.h"
#include "video/ops/ops.h"
#include "video/retention.h"
#include "video/stream_homes.h"
#include "video/tags.h"

namespace riacho::video {

namespace errors = api::errors;
using catalog::ObjectState;
using Code = catalog::Verdict::Code;

namespace {

// AWS: 10,000 streams per account (video spec 1.7).
constexpr std::uint32_t streams_max = 10'000;

api::Status to_api(catalog::StreamStatus status) {
    switch (status) {
        case catalog::StreamStatus::creating:
            return api::Status::creating;
        case catalog::StreamStatus::active:
            return api::Status::active;
        case catalog::StreamStatus::updating:
            return api::Status::updating;
        case catalog::StreamStatus::deleting:
            return api::Status::deleting;
    }
    return api::Status::active;
}

api::StreamInfo describe(const StreamRef& stream, TimestampMs now) {
    const ObjectState& object = *stream.object;
    api::StreamInfo info;
    info.device_name = stream.settings.device_name;
    info.stream_name = object.name;
    info.stream_arn = object.arn;
    info.media_type = stream.settings.media_type;
    // AWS: without a key of its own a stream shows the service's (video spec 2.1).
    info.kms_key_id = stream.settings.kms_key_id.value_or(fmt::format(
        "arn:{}:kms:{}:{}:alias/aws/kinesisvideo", aws::partition_of(object.region), object.region, object.account));
    info.version = version_text(object);
    info.status = to_api(object.status(now));
    info.creation_time = TimestampMs(stream.settings.created_ms);
    info.data_retention_in_hours = stream.settings.retention_hours;
    return info;
}

std::optional<std::string> owned(const std::optional<std::string_view>& text) {
    return text ? std::optional<std::string>(*text) : std::nullopt;
}

// The number at the end of an ARN. A new stream of the same name gets another one, even within a millisecond.
std::int64_t creation_number(VideoOp op, std::string_view name) {
    const auto earlier = stream_of(
        op.catalog().snapshot()->find_object(ObjectState::Kind::video_stream, op.account(), op.region(), name));
    const std::int64_t now = op.now().value();
    return earlier ? std::max(now, earlier->settings.created_ms + 1) : now;
}

StorageTier tier_of(const api::StreamStorageConfiguration& configuration) {
    return configuration.default_storage_tier == api::DefaultStorageTier::warm ? StorageTier::warm : StorageTier::hot;
}

// Replaces the settings of a stream if its version is still that of `stream`.
Task<Result<void>> replace(VideoOp op, StreamRef stream, StreamSettings settings) {
    catalog::ReplaceObjects command = catalog::replace_object(*stream.object, encode(settings));
    CO_TRY(const catalog::Verdict verdict, co_await op.submit(std::move(command)));
    if (verdict.code == Code::ok) co_return Result<void>();
    if (verdict.code == Code::object_changed) co_return fail(errors::version_mismatch());
    co_return fail(errors::stream_not_found());
}

}  // namespace

Task<Result<api::CreateStreamOutput>> create_stream(VideoOp op, api::CreateStreamInput request) {
    StreamSettings settings;
    settings.device_name = owned(request.device_name);
    settings.media_type = owned(request.media_type);
    settings.kms_key_id = owned(request.kms_key_id);
    settings.retention_hours = request.data_retention_in_hours.value_or(0);
    if (settings.retention_hours > retention_hours_max) co_return fail(errors::invalid_argument(retention_text()));
    if (request.stream_storage_configuration) settings.tier = tier_of(*request.stream_storage_configuration);
    settings.created_ms = creation_number(op, request.stream_name);
    settings.floor_ms = settings.created_ms;
    catalog::CreateObject command;
    ObjectState& object = command.object;
    object.kind = ObjectState::Kind::video_stream;
    object.account = op.account();
    object.region = op.region();
    object.name = request.stream_name;
    object.arn = fmt::format("arn:{}:kinesisvideo:{}:{}:stream/{}/{}", aws::partition_of(op.region()), op.region(),
                             op.account(), request.stream_name, settings.created_ms);
    object.settings = encode(settings);
    if (request.tags) {
        for (const auto& [key, value] : *request.tags) {
            if (is_reserved_tag(key)) co_return fail(errors::reserved_tag());
            object.tags[std::string(key)] = value;
        }
    }
    if (settings.retention_hours > 0) command.shards = archive_shards();
    command.count_max = streams_max;
    std::string arn = object.arn;
    CO_TRY(const catalog::Verdict verdict, co_await op.submit(std::move(command)));
    if (verdict.code == Code::object_exists) co_return fail(errors::stream_exists(request.stream_name));
    if (verdict.code == Code::too_many_objects) co_return fail(errors::too_many_streams());
    if (verdict.code == Code::too_many_tags) co_return fail(errors::too_many_tags());
    if (const auto made = stream_of(op.catalog().snapshot()->find_object(arn))) {
        set_log_retention(op.service().log, *made);
    }
    api::CreateStreamOutput output;
    output.stream_arn = std::move(arn);
    co_return output;
}

Task<Result<api::DescribeStreamOutput>> describe_stream(VideoOp op, api::DescribeStreamInput request) {
    CO_TRY(const StreamRef stream, op.resolve(request.stream_name, request.stream_arn));
    api::DescribeStreamOutput output;
    output.stream_info = describe(stream, op.now());
    co_return output;
}

Task<Result<api::ListStreamsOutput>> list_streams(VideoOp op, api::ListStreamsInput request) {
    constexpr std::int32_t page_max = 10'000;
    const auto limit = static_cast<std::size_t>(request.max_results.value_or(page_max));
    std::string after;
    if (request.next_token && !request.next_token->empty()) {
        const auto opened = op.service().tokens.open(aws::TokenSealer::Kind::list_video_streams, *request.next_token);
        if (!opened) co_return fail(errors::invalid_next_token());
        after = opened->substr(0, opened->find('\0'));
    }
    std::string_view prefix;
    if (request.stream_name_condition) prefix = request.stream_name_condition->comparison_value.value_or("");
    api::ListStreamsOutput output;
    auto& list = output.stream_info_list.emplace();
    for (const auto& object :
         op.catalog().snapshot()->objects_of(ObjectState::Kind::video_stream, op.account(), op.region())) {
        if (object->name <= after || object->is_gone(op.now()) || !object->name.starts_with(prefix)) continue;
        const auto stream = stream_of(object);
        if (!stream) continue;
        if (list.size() == limit) {
            output.next_token =
                op.service().tokens.seal(aws::TokenSealer::Kind::list_video_streams, *list.back().stream_name);
            break;
        }
        list.push_back(describe(*stream, op.now()));
    }
    co_return output;
}

Task<Result<api::UpdateStreamOutput>> update_stream(VideoOp op, api::UpdateStreamInput request) {
    CO_TRY(StreamRef stream, op.resolve_version(request.stream_name, request.stream_arn, request.current_version));
    StreamSettings settings = stream.settings;
    if (request.device_name) settings.device_name = owned(request.device_name);
    if (request.media_type) settings.media_type = owned(request.media_type);
    CO_TRY_VOID(co_await replace(op, std::move(stream), std::move(settings)));
    co_return api::UpdateStreamOutput();
}

Task<Result<api::DeleteStreamOutput>> delete_stream(VideoOp op, api::DeleteStreamInput request) {
    CO_TRY(const StreamRef stream, op.resolve_arn(request.stream_arn));
    if (request.current_version && version_text(*stream.object) != *request.current_version) {
        co_return fail(errors::version_mismatch());
    }
    if (stream.object->status(op.now()) != catalog::StreamStatus::active) {
        co_return fail(errors::stream_not_active(stream.name()));
    }
    catalog::DeleteObject command;
    command.object.uid = stream.uid();
    if (request.current_version) command.version = stream.object->version;
    command.transition_ms = op.service().options.transition_delay_ms;
    CO_TRY(const catalog::Verdict verdict, co_await op.submit(std::move(command)));
    if (verdict.code == Code::object_changed) co_return fail(errors::version_mismatch());
    if (verdict.code == Code::object_missing) co_return fail(errors::stream_not_found());
    if (verdict.code == Code::object_not_active) co_return fail(errors::stream_not_active(stream.name()));
    op.service().homes.end(stream.uid());
    co_return api::DeleteStreamOutput();
}

Task<Result<api::DescribeStreamStorageConfigurationOutput>> describe_stream_storage_configuration(
    VideoOp op, api::DescribeStreamStorageConfigurationInput request) {
    CO_TRY(const StreamRef stream, op.resolve(request.stream_name, request.stream_arn));
    api::DescribeStreamStorageConfigurationOutput output;
    output.stream_name = stream.name();
    output.stream_arn = stream.object->arn;
    output.stream_storage_configuration.emplace().default_storage_tier =
        stream.settings.tier == StorageTier::warm ? api::DefaultStorageTier::warm : api::DefaultStorageTier::hot;
    co_return output;
}

Task<Result<api::UpdateStreamStorageConfigurationOutput>> update_stream_storage_configuration(
    VideoOp op, api::UpdateStreamStorageConfigurationInput request) {
    CO_TRY(StreamRef stream, op.resolve_version(request.stream_name, request.stream_arn, request.current_version));
    StreamSettings settings = stream.settings;
    settings.tier = tier_of(request.stream_storage_configuration);
    CO_TRY_VOID(co_await replace(op, std::move(stream), std::move(settings)));
    co_return api::UpdateStreamStorageConfigurationOutput();
}

Task<Result<api::GetDataEndpointOutput>> get_data_endpoint(VideoOp op, api::GetDataEndpointInput request) {
    CO_TRY_VOID(op.resolve(request.stream_name, request.stream_arn));
    api::GetDataEndpointOutput output;
    output.data_endpoint = endpoint_of(op);  // one port serves all eight APIs
    co_return output;
}

}  // namespace riacho::video
