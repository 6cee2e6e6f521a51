#include "streams/channel.h"

#include "base/check.h"
#include "base/codec.h"

namespace riacho::streams {
namespace {

constexpr std::uint8_t channel_format = 1;

template <class Enum>
void put_enum(Encoder& out, Enum value) {
    out.number(static_cast<std::uint8_t>(value));
}

template <class Enum>
Enum get_enum(Decoder& in) {
    return static_cast<Enum>(in.number<std::uint8_t>());
}

void put(Encoder& out, const api::DeadLetterQueueS3Configuration& letters) {
    out.text(letters.bucket_arn);
    out.text(letters.expected_bucket_owner);
    out.optional_text(letters.error_output_prefix);
}

api::DeadLetterQueueS3Configuration get_dead_letters(Decoder& in) {
    api::DeadLetterQueueS3Configuration letters;
    letters.bucket_arn = in.text();
    letters.expected_bucket_owner = in.text();
    letters.error_output_prefix = in.optional_text();
    return letters;
}

void put(Encoder& out, const api::S3DestinationDescription& destination) {
    out.number(static_cast<std::uint32_t>(destination.data_freshness_in_seconds));
    put(out, destination.dead_letter_queue_s3_configuration);
    const api::S3StorageConfiguration& storage = destination.storage_configuration;
    out.text(storage.bucket_arn);
    out.text(storage.expected_bucket_owner);
    out.optional_text(storage.output_key_template);
    put_enum(out, storage.storage_class.value_or(api::S3StorageClass::standard));
    put_enum(out, storage.compression_type);
}

api::S3DestinationDescription get_s3(Decoder& in) {
    api::S3DestinationDescription destination;
    destination.data_freshness_in_seconds = static_cast<std::int32_t>(in.number<std::uint32_t>());
    destination.dead_letter_queue_s3_configuration = get_dead_letters(in);
    api::S3StorageConfiguration& storage = destination.storage_configuration;
    storage.bucket_arn = in.text();
    storage.expected_bucket_owner = in.text();
    storage.output_key_template = in.optional_text();
    storage.storage_class = get_enum<api::S3StorageClass>(in);
    storage.compression_type = get_enum<api::S3CompressionType>(in);
    return destination;
}

void put(Encoder& out, const api::S3TablesDestinationDescription& destination) {
    out.number(static_cast<std::uint32_t>(destination.data_freshness_in_seconds));
    put(out, destination.dead_letter_queue_s3_configuration);
    out.varint(destination.s3_tables_configuration_list.size());
    for (const api::S3TablesConfiguration& table : destination.s3_tables_configuration_list) {
        out.text(table.table_bucket_arn);
        out.text(table.namespace_);
        out.text(table.table_name);
        put_enum(out, table.compression_type);
        out.number(static_cast<std::uint8_t>(table.partition_spec.has_value()));
        if (!table.partition_spec) continue;
        out.varint(table.partition_spec->partition_fields.size());
        for (const api::PartitionField& field : table.partition_spec->partition_fields) {
            put_enum(out, field.transform);
            out.text(field.source_name);
        }
    }
}

api::S3TablesDestinationDescription get_s3_tables(Decoder& in) {
    api::S3TablesDestinationDescription destination;
    destination.data_freshness_in_seconds = static_cast<std::int32_t>(in.number<std::uint32_t>());
    destination.dead_letter_queue_s3_configuration = get_dead_letters(in);
    for (std::size_t left = in.count(); left > 0 && in.ok(); --left) {
        api::S3TablesConfiguration& table = destination.s3_tables_configuration_list.emplace_back();
        table.table_bucket_arn = in.text();
        table.namespace_ = in.text();
        table.table_name = in.text();
        table.compression_type = get_enum<api::S3TablesCompressionType>(in);
        if (in.number<std::uint8_t>() == 0) continue;
        auto& fields = table.partition_spec.emplace().partition_fields;
        for (std::size_t more = in.count(); more > 0 && in.ok(); --more) {
            api::PartitionField& field = fields.emplace_back();
            field.transform = get_enum<api::PartitionTransform>(in);
            field.source_name = in.text();
        }
    }
    return destination;
}

}  // namespace

std::string encode_channel(const api::ChannelDescription& channel) {
    Encoder out;
    out.number(channel_format);
    out.text(channel.service_execution_role_arn);
    RIACHO_CHECK(channel.stream_configuration_list.size() == 1, "a channel reads one stream");
    const api::ChannelStreamDescription& stream = channel.stream_configuration_list.front();
    out.text(stream.stream_arn);
    out.time(stream.stream_creation_timestamp);
    put_enum(out, stream.record_configuration.record_format_type);
    out.optional_text(stream.record_configuration.gsr_schema_arn);
    out.number(static_cast<std::uint8_t>(channel.s3_destination_configuration.has_value()));
    if (channel.s3_destination_configuration) {
        put(out, *channel.s3_destination_configuration);
    } else {
        put(out, *channel.s3_tables_destination_configuration);
    }
    out.text(channel.encryption_configuration ? channel.encryption_configuration->key_id : "");
    const api::CloudWatchLogs& logs = channel.logging_configuration.cloud_watch_logs;
    out.number(static_cast<std::uint8_t>(logs.enabled));
    out.optional_text(logs.log_group_name);
    out.optional_text(logs.log_stream_name);
    return out.take();
}

api::ChannelStatus status_of_channel(const catalog::ObjectState& resource, TimestampMs now) {
    switch (resource.status(now)) {
        case catalog::StreamStatus::creating:
            return api::ChannelStatus::creating;
        case catalog::StreamStatus::active:
            return api::ChannelStatus::active;
        case catalog::StreamStatus::updating:
            return api::ChannelStatus::updating;
        case catalog::StreamStatus::deleting:
            return api::ChannelStatus::deleting;
    }
    return api::ChannelStatus::failed;
}

api::ChannelDescription describe_channel(const catalog::ObjectState& resource, TimestampMs now) {
    api::ChannelDescription channel;
    channel.channel_name = resource.name;
    channel.channel_arn = resource.arn;
    channel.channel_id = resource.arn.substr(resource.arn.rfind('/') + 1);
    channel.channel_status = status_of_channel(resource, now);
    channel.channel_creation_timestamp = resource.created_at;
    Decoder in(resource.settings);
    RIACHO_CHECK(in.number<std::uint8_t>() == channel_format, "a channel of an unknown format");
    channel.service_execution_role_arn = in.text();
    api::ChannelStreamDescription& stream = channel.stream_configuration_list.emplace_back();
    stream.stream_arn = in.text();
    stream.stream_creation_timestamp = in.time();
    stream.record_configuration.record_format_type = get_enum<api::RecordFormatType>(in);
    stream.record_configuration.gsr_schema_arn = in.optional_text();
    if (in.number<std::uint8_t>() != 0) {
        channel.s3_destination_configuration = get_s3(in);
    } else {
        channel.s3_tables_destination_configuration = get_s3_tables(in);
    }
    std::string key_id(in.text());
    if (!key_id.empty()) {
        channel.encryption_configuration = {api::ChannelEncryptionType::kms, std::move(key_id)};
    }
    api::CloudWatchLogs& logs = channel.logging_configuration.cloud_watch_logs;
    logs.enabled = in.number<std::uint8_t>() != 0;
    logs.log_group_name = in.optional_text();
    logs.log_stream_name = in.optional_text();
    return channel;
}

}  // namespace riacho::streams
