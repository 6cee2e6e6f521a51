#include "firehose/settings.h"

#include <utility>

#include "base/check.h"
#include "base/codec.h"

namespace riacho::firehose {
namespace {

// On disk (docs/formats/firehose.md): never renumbered.
constexpr std::uint8_t settings_format = 1;
constexpr std::string_view destination_id = "destinationId-000000000001";

template <class Enum>
void put_enum(Encoder& out, Enum value) {
    out.number(static_cast<std::uint8_t>(value));
}
template <class Enum>
Enum get_enum(Decoder& in, Enum last) {
    const auto value = in.number<std::uint8_t>();
    if (value > static_cast<std::uint8_t>(last)) in.fail();
    return static_cast<Enum>(value);
}
void put_bool(Encoder& out, bool value) { out.number(static_cast<std::uint8_t>(value)); }
bool get_bool(Decoder& in) {
    const auto value = in.number<std::uint8_t>();
    if (value > 1) in.fail();
    return value == 1;
}
void put_times(Encoder& out, const std::vector<TimestampMs>& times) {
    out.varint(times.size());
    for (const TimestampMs at : times) out.time(at);
}
std::vector<TimestampMs> get_times(Decoder& in) {
    std::vector<TimestampMs> times;
    for (std::size_t left = in.count(); left > 0 && in.ok(); --left) times.push_back(in.time());
    return times;
}

void put(Encoder& out, const KinesisSource& source) {
    out.text(source.stream_arn);
    out.text(source.role_arn);
    out.varint(source.stream_uid);
    out.text(source.user);
    out.time(source.started_at);
}
KinesisSource get_source(Decoder& in) {
    KinesisSource source;
    source.stream_arn = in.text();
    source.role_arn = in.text();
    source.stream_uid = in.varint();
    source.user = in.text();
    source.started_at = in.time();
    return source;
}

void put(Encoder& out, const Encryption& encryption) {
    put_bool(out, encryption.is_on);
    put_bool(out, encryption.was_on);
    put_bool(out, encryption.was_changed);
    out.time(encryption.settled_at);
    put_enum(out, encryption.key_type);
    out.text(encryption.key_arn);
    out.varint(encryption.data_keys.size());
    for (const std::string& key : encryption.data_keys) out.text(key);
    put_times(out, encryption.changes);
}
Encryption get_encryption(Decoder& in) {
    Encryption encryption;
    encryption.is_on = get_bool(in);
    encryption.was_on = get_bool(in);
    encryption.was_changed = get_bool(in);
    encryption.settled_at = in.time();
    encryption.key_type = get_enum(in, api::KeyType::customer_managed_cmk);
    encryption.key_arn = in.text();
    for (std::size_t left = in.count(); left > 0 && in.ok(); --left) encryption.data_keys.emplace_back(in.text());
    encryption.changes = get_times(in);
    return encryption;
}

void put(Encoder& out, const api::CloudWatchLoggingOptions& logging) {
    put_bool(out, logging.enabled.value_or(false));
    out.optional_text(logging.log_group_name);
    out.optional_text(logging.log_stream_name);
}
api::CloudWatchLoggingOptions get_logging(Decoder& in) {
    api::CloudWatchLoggingOptions logging;
    logging.enabled = get_bool(in);
    logging.log_group_name = in.optional_text();
    logging.log_stream_name = in.optional_text();
    return logging;
}

void put(Encoder& out, const api::ProcessingConfiguration& processing) {
    put_bool(out, processing.enabled.has_value());
    put_bool(out, processing.enabled.value_or(false));
    put_bool(out, processing.processors.has_value());
    if (!processing.processors) return;
    out.varint(processing.processors->size());
    for (const api::Processor& processor : *processing.processors) {
        put_enum(out, processor.type);
        put_bool(out, processor.parameters.has_value());
        if (!processor.parameters) continue;
        out.varint(processor.parameters->size());
        for (const api::ProcessorParameter& parameter : *processor.parameters) {
            put_enum(out, parameter.parameter_name);
            out.text(parameter.parameter_value);
        }
    }
}
api::ProcessingConfiguration get_processing(Decoder& in) {
    api::ProcessingConfiguration processing;
    const bool is_told = get_bool(in);
    const bool is_on = get_bool(in);
    if (is_told) processing.enabled = is_on;
    if (!get_bool(in)) return processing;
    auto& processors = processing.processors.emplace();
    for (std::size_t left = in.count(); left > 0 && in.ok(); --left) {
        api::Processor& processor = processors.emplace_back();
        processor.type = get_enum(in, api::ProcessorType::append_delimiter_to_record);
        if (!get_bool(in)) continue;
        auto& parameters = processor.parameters.emplace();
        for (std::size_t more = in.count(); more > 0 && in.ok(); --more) {
            api::ProcessorParameter& parameter = parameters.emplace_back();
            parameter.parameter_name = get_enum(in, api::ProcessorParameterName::data_message_extraction);
            parameter.parameter_value = in.text();
        }
    }
    return processing;
}

void put(Encoder& out, const api::ExtendedS3DestinationDescription& s3) {
    out.text(s3.role_arn);
    out.text(s3.bucket_arn);
    out.optional_text(s3.prefix);
    out.optional_text(s3.error_output_prefix);
    out.varint(static_cast<std::uint32_t>(s3.buffering_hints.size_in_m_bs.value_or(0)));
    out.varint(static_cast<std::uint32_t>(s3.buffering_hints.interval_in_seconds.value_or(0)));
    put_enum(out, s3.compression_format);
    const auto& kms = s3.encryption_configuration.kms_encryption_config;
    out.optional_text(kms ? std::optional(kms->awskms_key_arn) : std::nullopt);
    put(out, s3.cloud_watch_logging_options.value_or(api::CloudWatchLoggingOptions{}));
    put_bool(out, s3.processing_configuration.has_value());
    if (s3.processing_configuration) put(out, *s3.processing_configuration);
    const auto& partitioning = s3.dynamic_partitioning_configuration;
    put_bool(out, partitioning.has_value());  // partitioning is stored even if disabled: it cannot be enabled later
    out.optional_text(s3.file_extension);
    out.optional_text(s3.custom_time_zone);
}
api::ExtendedS3DestinationDescription get_s3(Decoder& in) {
    api::ExtendedS3DestinationDescription s3;
    s3.role_arn = in.text();
    s3.bucket_arn = in.text();
    s3.prefix = in.optional_text();
    s3.error_output_prefix = in.optional_text();
    s3.buffering_hints.size_in_m_bs = static_cast<std::int32_t>(in.varint());
    s3.buffering_hints.interval_in_seconds = static_cast<std::int32_t>(in.varint());
    s3.compression_format = get_enum(in, api::CompressionFormat::hadoop_snappy);
    if (auto key = in.optional_text()) {
        s3.encryption_configuration.kms_encryption_config.emplace().awskms_key_arn = *std::move(key);
    } else {
        s3.encryption_configuration.no_encryption_config = api::NoEncryptionConfig::no_encryption;
    }
    s3.cloud_watch_logging_options = get_logging(in);
    if (get_bool(in)) s3.processing_configuration = get_processing(in);
    s3.s3_backup_mode = api::S3BackupMode::disabled;
    if (get_bool(in)) s3.dynamic_partitioning_configuration.emplace().enabled = false;
    s3.file_extension = in.optional_text();
    s3.custom_time_zone = in.optional_text();
    return s3;
}

api::S3DestinationDescription mirror_of(const api::ExtendedS3DestinationDescription& s3) {
    api::S3DestinationDescription mirror;
    mirror.role_arn = s3.role_arn;
    mirror.bucket_arn = s3.bucket_arn;
    mirror.prefix = s3.prefix;
    mirror.error_output_prefix = s3.error_output_prefix;
    mirror.buffering_hints = s3.buffering_hints;
    mirror.compression_format = s3.compression_format;
    mirror.encryption_configuration = s3.encryption_configuration;
    mirror.cloud_watch_logging_options = s3.cloud_watch_logging_options;
    return mirror;
}

api::DeliveryStreamEncryptionConfiguration describe(const Settings& settings, TimestampMs now) {
    api::DeliveryStreamEncryptionConfiguration shown;
    shown.status = settings.encryption_status(now);
    if (!settings.encryption.is_on) return shown;
    shown.key_type = settings.encryption.key_type;
    if (!settings.encryption.key_arn.empty()) shown.key_arn = settings.encryption.key_arn;
    return shown;
}

}  // namespace

api::DeliveryStreamEncryptionStatus Settings::encryption_status(TimestampMs now) const {
    using Status = api::DeliveryStreamEncryptionStatus;
    const bool is_settled = now >= encryption.settled_at;
    if (encryption.is_on) return is_settled ? Status::enabled : Status::enabling;
    return is_settled || !encryption.was_changed ? Status::disabled : Status::disabling;
}

std::string_view Settings::bucket() const {
    const std::string_view arn = s3.bucket_arn;
    return arn.substr(arn.rfind(':') + 1);
}

std::string encode(const Settings& settings) {
    Encoder out;
    out.number(settings_format);
    out.varint(settings.version);
    out.time(settings.updated_at.value_or(TimestampMs(0)));
    put_bool(out, settings.source.has_value());
    if (settings.source) put(out, *settings.source);
    out.varint(static_cast<std::uint32_t>(settings.throughput_hint.value_or(0)));
    put(out, settings.encryption);
    put(out, settings.s3);
    return out.take();
}

std::optional<Settings> decode_settings(std::string_view bytes) {
    Decoder in(bytes);
    if (in.number<std::uint8_t>() != settings_format) return std::nullopt;
    Settings settings;
    settings.version = in.varint();
    if (const TimestampMs updated_at = in.time(); updated_at.value() != 0) settings.updated_at = updated_at;
    if (get_bool(in)) settings.source = get_source(in);
    if (const std::uint64_t hint = in.varint(); hint != 0) settings.throughput_hint = static_cast<std::int32_t>(hint);
    settings.encryption = get_encryption(in);
    settings.s3 = get_s3(in);
    if (!in.ok() || in.left() != 0) return std::nullopt;
    return settings;
}

Settings settings_of(const catalog::ObjectState& object) {
    RIACHO_CHECK(object.kind == catalog::ObjectState::Kind::delivery_stream, "not a delivery stream");
    auto settings = decode_settings(object.settings);
    RIACHO_CHECK(settings.has_value(), "a delivery stream of an unknown format");
    return *std::move(settings);
}

api::DeliveryStreamStatus status_of(const catalog::ObjectState& object, TimestampMs now) {
    switch (object.status(now)) {
        case catalog::StreamStatus::creating:
            return api::DeliveryStreamStatus::creating;
        case catalog::StreamStatus::active:
        case catalog::StreamStatus::updating:
            return api::DeliveryStreamStatus::active;
        case catalog::StreamStatus::deleting:
            return api::DeliveryStreamStatus::deleting;
    }
    return api::DeliveryStreamStatus::active;
}

api::DeliveryStreamDescription describe(const catalog::ObjectState& object, const Settings& settings, TimestampMs now) {
    api::DeliveryStreamDescription shown;
    shown.delivery_stream_name = object.name;
    shown.delivery_stream_arn = object.arn;
    shown.delivery_stream_status = status_of(object, now);
    shown.delivery_stream_type =
        settings.source ? api::DeliveryStreamType::kinesis_stream_as_source : api::DeliveryStreamType::direct_put;
    // AWS: absent for streams with a source (spec 2.3).
    if (!settings.source) shown.delivery_stream_encryption_configuration = describe(settings, now);
    shown.version_id = std::to_string(settings.version);
    shown.create_timestamp = object.created_at;
    shown.last_update_timestamp = settings.updated_at;
    if (settings.source) {
        auto& source = shown.source.emplace().kinesis_stream_source_description.emplace();
        source.kinesis_stream_arn = settings.source->stream_arn;
        source.role_arn = settings.source->role_arn;
        source.delivery_start_timestamp = settings.source->started_at;
    } else if (settings.throughput_hint) {
        shown.source.emplace().direct_put_source_description.emplace().throughput_hint_in_m_bs =
            settings.throughput_hint;
    }
    // AWS: both blocks, whichever configuration it was made with (spec 3.3).
    api::DestinationDescription& destination = shown.destinations.emplace_back();
    destination.destination_id = destination_id;
    destination.extended_s3_destination_description = settings.s3;
    destination.s3_destination_description = mirror_of(settings.s3);
    return shown;
}

}  // namespace riacho::firehose
