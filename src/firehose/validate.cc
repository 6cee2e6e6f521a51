#include "firehose/validate.h"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>

#include "aws/gen/firehose/errors.gen.h"
#include "aws/gen/firehose/types_create_delivery_stream.gen.h"
#include "aws/gen/firehose/types_update_destination.gen.h"
#include "base/try.h"
#include "firehose/plan.h"

namespace riacho::firehose {

namespace errors = api::errors;

namespace {

using Description = api::ExtendedS3DestinationDescription;

// AWS: spec 3.3.
constexpr std::int32_t size_mb_default = 5;
constexpr std::int32_t interval_s_default = 300;
// It also follows each record of an aggregate, of which there may be 10,000 in a small record.
constexpr std::size_t delimiter_size_max = 64;

// Required members of a configuration are plain texts; those of an update may be absent.
void set(std::string& out, std::string_view given) { out = given; }
void set(std::string& out, const std::optional<std::string_view>& given) {
    if (given) out = *given;
}
// AWS shows no prefix if an empty one was given.
void set(std::optional<std::string>& out, const std::optional<std::string_view>& given) {
    if (!given) return;
    if (given->empty()) {
        out.reset();
    } else {
        out = std::string(*given);
    }
}

Result<void> set_hints(const std::optional<api::BufferingHints>& given, Description& s3) {
    if (!given) return {};
    if (given->size_in_m_bs.has_value() != given->interval_in_seconds.has_value()) {
        return fail(errors::buffering_hints_incomplete());
    }
    if (given->size_in_m_bs) s3.buffering_hints = *given;
    return {};
}

Result<void> set_encryption(const std::optional<api::EncryptionConfiguration>& given, Description& s3) {
    if (!given) return {};
    if (given->no_encryption_config && given->kms_encryption_config) {
        return fail(errors::encryption_configuration_ambiguous());
    }
    s3.encryption_configuration = *given;
    if (!given->kms_encryption_config) {
        s3.encryption_configuration.no_encryption_config = api::NoEncryptionConfig::no_encryption;
    }
    return {};
}

Result<void> set_logging(const std::optional<api::CloudWatchLoggingOptions>& given, Description& s3) {
    if (!given) return {};
    if (given->enabled.value_or(false) && (!given->log_group_name || !given->log_stream_name)) {
        return fail(errors::logging_incomplete());
    }
    s3.cloud_watch_logging_options = *given;
    s3.cloud_watch_logging_options->enabled = given->enabled.value_or(false);
    return {};
}

// The members that both S3 configurations and both updates have.
template <class Given>
Result<void> set_common(const Given& given, Description& s3) {
    set(s3.role_arn, given.role_arn);
    set(s3.bucket_arn, given.bucket_arn);
    set(s3.prefix, given.prefix);
    set(s3.error_output_prefix, given.error_output_prefix);
    if (given.compression_format) s3.compression_format = *given.compression_format;
    TRY_VOID(set_hints(given.buffering_hints, s3));
    TRY_VOID(set_encryption(given.encryption_configuration, s3));
    return set_logging(given.cloud_watch_logging_options, s3);
}

Result<void> check_processor(const api::Processor& processor, bool is_off) {
    const bool is_ours = processor.type == api::ProcessorType::append_delimiter_to_record;
    // A disabled processor is stored and has no effect, as on AWS.
    if (!is_ours && !is_off) {
        return fail(errors::feature_not_supported("Processor " + std::string(name_of(processor.type))));
    }
    if (!is_ours || !processor.parameters) return {};
    for (const api::ProcessorParameter& parameter : *processor.parameters) {
        if (parameter.parameter_name == api::ProcessorParameterName::delimiter) {
            if (parameter.parameter_value.size() <= delimiter_size_max) continue;
            return fail(errors::feature_not_supported("A Delimiter of more than 64 bytes"));
        }
        return fail(errors::processor_parameter_invalid(name_of(processor.type), name_of(parameter.parameter_name)));
    }
    return {};
}

// AWS: replaced as a whole, and checked on its own.
Result<void> set_processing(const std::optional<api::ProcessingConfiguration>& given, Description& s3) {
    if (!given) return {};
    const bool is_off = given->enabled.has_value() && !*given->enabled;
    std::vector<api::ProcessorType> seen;
    for (const api::Processor& processor : given->processors.value_or(std::vector<api::Processor>())) {
        TRY_VOID(check_processor(processor, is_off));
        if (std::ranges::find(seen, processor.type) != seen.end()) {
            return fail(errors::processor_repeated(name_of(processor.type)));
        }
        seen.push_back(processor.type);
    }
    s3.processing_configuration = *given;
    return {};
}

// The members of extended S3 only.
template <class Given>
Result<void> set_extended(const Given& given, Description& s3) {
    TRY_VOID(set_processing(given.processing_configuration, s3));
    if (given.data_format_conversion_configuration) {
        return fail(errors::feature_not_supported("DataFormatConversionConfiguration"));
    }
    if (const auto& partitioning = given.dynamic_partitioning_configuration) {
        if (partitioning->enabled.value_or(false)) {
            return fail(errors::feature_not_supported("DynamicPartitioningConfiguration"));
        }
        s3.dynamic_partitioning_configuration.emplace().enabled = false;
    }
    if (given.s3_backup_mode == api::S3BackupMode::enabled) {
        return fail(errors::feature_not_supported("S3BackupMode Enabled"));
    }
    set(s3.file_extension, given.file_extension);
    set(s3.custom_time_zone, given.custom_time_zone);
    return {};
}

// Checks the destination as a whole.
Result<Description> checked(Description s3) {
    TRY_VOID(check_keys(s3));
    return s3;
}

Description defaults() {
    Description s3;
    s3.buffering_hints.size_in_m_bs = size_mb_default;
    s3.buffering_hints.interval_in_seconds = interval_s_default;
    s3.compression_format = api::CompressionFormat::uncompressed;
    s3.encryption_configuration.no_encryption_config = api::NoEncryptionConfig::no_encryption;
    s3.cloud_watch_logging_options.emplace().enabled = false;
    s3.s3_backup_mode = api::S3BackupMode::disabled;
    return s3;
}

}  // namespace

Result<Description> destination_of(const api::CreateDeliveryStreamInput& request) {
    struct Other {
        std::string_view member;
        bool is_given;
    };
    const std::array others = {
        Other{"RedshiftDestinationConfiguration", request.redshift_destination_configuration.has_value()},
        Other{"ElasticsearchDestinationConfiguration", request.elasticsearch_destination_configuration.has_value()},
        Other{"AmazonopensearchserviceDestinationConfiguration",
              request.amazonopensearchservice_destination_configuration.has_value()},
        Other{"AmazonOpenSearchServerlessDestinationConfiguration",
              request.amazon_open_search_serverless_destination_configuration.has_value()},
        Other{"SplunkDestinationConfiguration", request.splunk_destination_configuration.has_value()},
        Other{"HttpEndpointDestinationConfiguration", request.http_endpoint_destination_configuration.has_value()},
        Other{"SnowflakeDestinationConfiguration", request.snowflake_destination_configuration.has_value()},
        Other{"IcebergDestinationConfiguration", request.iceberg_destination_configuration.has_value()}};
    const auto given = std::ranges::count(others, true, &Other::is_given) +
                       static_cast<std::ptrdiff_t>(request.s3_destination_configuration.has_value()) +
                       static_cast<std::ptrdiff_t>(request.extended_s3_destination_configuration.has_value());
    if (given != 1) return fail(errors::not_one_destination());
    for (const Other& other : others) {
        if (other.is_given) return fail(errors::destination_not_supported(other.member));
    }
    Description s3 = defaults();
    if (const auto& plain = request.s3_destination_configuration) {
        TRY_VOID(set_common(*plain, s3));
        return checked(std::move(s3));
    }
    const api::ExtendedS3DestinationConfiguration& extended = *request.extended_s3_destination_configuration;
    TRY_VOID(set_common(extended, s3));
    TRY_VOID(set_extended(extended, s3));
    if (extended.s3_backup_configuration) return fail(errors::feature_not_supported("S3BackupConfiguration"));
    return checked(std::move(s3));
}

Result<Description> updated_destination(const Description& present, const api::UpdateDestinationInput& request) {
    struct Other {
        std::string_view name;
        bool is_given;
        bool is_fixed;  // AWS: the type can be changed neither to it nor from it
    };
    const bool is_search = request.elasticsearch_destination_update.has_value() ||
                           request.amazonopensearchservice_destination_update.has_value() ||
                           request.amazon_open_search_serverless_destination_update.has_value();
    const std::array others = {
        Other{"HttpEndpoint", request.http_endpoint_destination_update.has_value(), true},
        Other{"Elasticsearch", is_search, true},
        Other{"RedshiftDestinationUpdate", request.redshift_destination_update.has_value(), false},
        Other{"SplunkDestinationUpdate", request.splunk_destination_update.has_value(), false},
        Other{"SnowflakeDestinationUpdate", request.snowflake_destination_update.has_value(), false},
        Other{"IcebergDestinationUpdate", request.iceberg_destination_update.has_value(), false}};
    const auto given = std::ranges::count(others, true, &Other::is_given) +
                       static_cast<std::ptrdiff_t>(request.s3_destination_update.has_value()) +
                       static_cast<std::ptrdiff_t>(request.extended_s3_destination_update.has_value());
    if (given != 1) return fail(errors::not_one_destination());
    for (const Other& other : others) {
        if (!other.is_given) continue;
        return fail(other.is_fixed ? errors::destination_type_fixed(other.name)
                                   : errors::destination_not_supported(other.name));
    }
    Description s3 = present;
    if (const auto& plain = request.s3_destination_update) {
        TRY_VOID(set_common(*plain, s3));
        return checked(std::move(s3));
    }
    const api::ExtendedS3DestinationUpdate& extended = *request.extended_s3_destination_update;
    TRY_VOID(set_common(extended, s3));
    TRY_VOID(set_extended(extended, s3));
    if (extended.s3_backup_update) return fail(errors::feature_not_supported("S3BackupUpdate"));
    return checked(std::move(s3));
}

catalog::Tags tags_of(const std::vector<api::Tag>& tags) {
    catalog::Tags made;
    for (const api::Tag& tag : tags) made[tag.key] = tag.value.value_or("");
    return made;
}

}  // namespace riacho::firehose
