#include <fmt/format.h>

#include "aws/arn.h"
#include "aws/gen/firehose/errors.gen.h"
#include "aws/gen/firehose/types_create_delivery_stream.gen.h"
#include "base/try.h"
#include "catalog/data_keys.h"
#include "core/clock.h"
#include "core/task.h"
#include "firehose/encryption.h"
#include "firehose/ops/ops.h"
#include "firehose/row.h"
#include "firehose/validate.h"
#include "ports/record_source.h"
#include "ports/stream_directory.h"

namespace riacho::firehose {

namespace errors = api::errors;
using Code = catalog::Verdict::Code;

namespace {

constexpr std::uint32_t streams_max = 5'000;  // AWS: of an account and region (spec 1.3)

using Rows = std::vector<std::pair<std::string, std::string>>;

// AWS: a type requires the block of its source, and no other.
Result<void> check_type(const api::CreateDeliveryStreamInput& request) {
    const auto type = request.delivery_stream_type.value_or(api::DeliveryStreamType::direct_put);
    switch (type) {
        case api::DeliveryStreamType::direct_put:
            if (request.kinesis_stream_source_configuration) return fail(errors::source_of_another_type());
            break;
        case api::DeliveryStreamType::kinesis_stream_as_source:
            if (!request.kinesis_stream_source_configuration) {
                return fail(errors::source_configuration_missing("KinesisStreamSourceConfiguration", name_of(type)));
            }
            if (request.direct_put_source_configuration) return fail(errors::direct_put_source_of_another_type());
            if (request.delivery_stream_encryption_configuration_input) return fail(errors::encryption_of_a_source());
            break;
        case api::DeliveryStreamType::msk_as_source:
        case api::DeliveryStreamType::database_as_source:
            return fail(errors::feature_not_supported("DeliveryStreamType " + std::string(name_of(type))));
    }
    if (request.msk_source_configuration) return fail(errors::feature_not_supported("MSKSourceConfiguration"));
    if (request.database_source_configuration) {
        return fail(errors::feature_not_supported("DatabaseSourceConfiguration"));
    }
    return {};
}

aws::ApiError source_error(ports::StreamFault fault, std::string_view arn, std::string_view account) {
    switch (fault) {
        case ports::StreamFault::not_an_arn:
        case ports::StreamFault::missing:
        case ports::StreamFault::not_ready:
            return errors::source_stream_not_found(arn);
        case ports::StreamFault::denied:
            return errors::source_stream_denied(arn, account);
    }
    return errors::source_stream_not_found(arn);
}

// A row for each open shard, at its tip. AWS: records after the call are delivered, earlier ones are not (spec 7.1). A
// shard that a reshard opens meanwhile is found as a child of one of these.
Task<Result<Rows>> rows_at_the_tip(FirehoseOp op, std::uint64_t stream_uid, ports::StreamUser user,
                                   std::string_view arn) {
    const auto source = op.service().streams.source(stream_uid, user);
    Rows rows;
    std::uint32_t count = 0;
    for (const ports::SourceShard& shard : source->shards()) {
        if (shard.is_closed) continue;
        const auto tip = co_await source->tip(op.core(), shard.uid);
        if (!tip) co_return fail(errors::source_stream_not_found(arn));
        const auto lane = static_cast<std::uint32_t>(count / lane_shards_max);
        CursorRow row;
        row.ordinal = static_cast<std::uint32_t>(count++ % lane_shards_max);
        row.index = shard.index;
        row.floor = *tip;
        RowKey key;
        key.lane = lane;
        key.number = shard.uid;
        rows.emplace_back(encode(key), encode(row));
    }
    co_return rows;
}

Task<Result<Rows>> set_source(FirehoseOp op, const api::KinesisStreamSourceConfiguration& wanted, Settings& settings) {
    const ports::StreamUser user{std::string(op.account()), std::string(op.context().user())};
    const auto found = op.service().streams.find(wanted.kinesis_stream_arn, user, ports::StreamAccess::read);
    if (!found) co_return fail(source_error(found.error(), wanted.kinesis_stream_arn, op.account()));
    KinesisSource& source = settings.source.emplace();
    source.stream_arn = found->arn;
    source.role_arn = wanted.role_arn;
    source.stream_uid = found->uid;
    source.user = user.user;
    source.started_at = op.service().clock.now();
    co_return co_await rows_at_the_tip(op, found->uid, user, wanted.kinesis_stream_arn);
}

Result<void> check(const catalog::Verdict& verdict, FirehoseOp op, const api::CreateDeliveryStreamInput& request) {
    switch (verdict.code) {
        case Code::object_exists:
            return fail(errors::stream_already_exists(request.delivery_stream_name, op.account()));
        case Code::too_many_tags:
            return fail(errors::too_many_tags(request.delivery_stream_name, op.account(), tags_max));
        case Code::too_many_objects:
            return fail(errors::too_many_streams(streams_max, "[...]"));
        case Code::stream_missing:
        case Code::stream_not_active:
            return fail(
                errors::source_stream_not_found(request.kinesis_stream_source_configuration->kinesis_stream_arn));
        default:
            return {};
    }
}

}  // namespace

Task<Result<api::CreateDeliveryStreamOutput>> create_delivery_stream(FirehoseOp op,
                                                                     api::CreateDeliveryStreamInput request) {
    Settings settings;
    CO_TRY(settings.s3, destination_of(request));
    CO_TRY_VOID(check_type(request));
    if (op.find(request.delivery_stream_name)) {
        co_return fail(errors::stream_already_exists(request.delivery_stream_name, op.account()));
    }
    catalog::CreateObject command;
    catalog::ObjectState& object = command.object;
    object.kind = catalog::ObjectState::Kind::delivery_stream;
    object.account = op.account();
    object.region = op.region();
    object.name = request.delivery_stream_name;
    object.arn = fmt::format("arn:{}:firehose:{}:{}:deliverystream/{}", aws::partition_of(op.region()), op.region(),
                             op.account(), request.delivery_stream_name);
    const std::string arn = object.arn;
    if (const auto& source = request.kinesis_stream_source_configuration) {
        CO_TRY(command.progress, co_await set_source(op, *source, settings));
        object.stream_uid = settings.source->stream_uid;
    } else {
        if (request.direct_put_source_configuration) {
            settings.throughput_hint = request.direct_put_source_configuration->throughput_hint_in_m_bs;
        }
        // AWS: the encryption of a new delivery stream is in effect when it becomes ACTIVE.
        if (const auto& wanted = request.delivery_stream_encryption_configuration_input) {
            CO_TRY_VOID(start_encryption(*wanted, op.service().data_keys, arn, settings.encryption));
            settings.encryption.was_on = true;
        }
        command.shards = {catalog::ShardClass::records};
    }
    object.settings = encode(settings);
    if (request.tags) object.tags = tags_of(*request.tags);
    command.count_max = streams_max;
    command.transition_ms = op.service().transition_delay_ms;
    CO_TRY(const catalog::Verdict verdict, co_await op.submit(std::move(command)));
    CO_TRY_VOID(check(verdict, op, request));
    api::CreateDeliveryStreamOutput output;
    output.delivery_stream_arn = arn;
    co_return output;
}

}  // namespace riacho::firehose
