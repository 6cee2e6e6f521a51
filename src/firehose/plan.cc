#include "firehose/plan.h"

#include <algorithm>
#include <utility>

#include "aws/gen/firehose/errors.gen.h"
#include "base/check.h"
#include "base/try.h"
#include "core/log.h"
#include "core/time_zone.h"

namespace riacho::firehose {

namespace errors = api::errors;

namespace {

// AWS: "zero buffering" delivers within seconds (spec 8.3).
constexpr std::int64_t zero_buffer_ms = 1'000;
constexpr std::size_t mib = std::size_t{1} << 20;

// Guides write "\n" for a newline in JSON text, so that two characters arrive.
std::string unescape(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '\\' || i + 1 == text.size()) {
            out += text[i];
            continue;
        }
        switch (text[++i]) {
            case 'n':
                out += '\n';
                break;
            case 'r':
                out += '\r';
                break;
            case 't':
                out += '\t';
                break;
            default:
                out += text[i];
        }
    }
    return out;
}

std::string delimiter_of(const api::ExtendedS3DestinationDescription& s3) {
    const auto& processing = s3.processing_configuration;
    // Processing is enabled if the member is absent.
    if (!processing || !processing->enabled.value_or(true) || !processing->processors) return {};
    const auto processor = std::ranges::find(*processing->processors, api::ProcessorType::append_delimiter_to_record,
                                             &api::Processor::type);
    if (processor == processing->processors->end()) return {};
    if (processor->parameters && !processor->parameters->empty()) {
        return unescape(processor->parameters->front().parameter_value);
    }
    return "\n";
}

std::string_view zone_name(const api::ExtendedS3DestinationDescription& s3) {
    return s3.custom_time_zone ? std::string_view(*s3.custom_time_zone) : std::string_view("UTC");
}

}  // namespace

aws::Result<void> check_keys(const api::ExtendedS3DestinationDescription& s3) {
    PrefixCheck check;
    if (s3.prefix) check.prefix = *s3.prefix;
    if (s3.error_output_prefix) check.error_output_prefix = *s3.error_output_prefix;
    if (const auto problem = check_prefixes(check)) {
        return fail(problem->kind == PrefixProblem::Kind::rule ? errors::prefix_rule(problem->rule)
                                                               : errors::partition_namespace_without_partitioning());
    }
    if (!core::TimeZone::load(zone_name(s3))) return fail(errors::time_zone_unknown(zone_name(s3)));
    return {};
}

std::shared_ptr<const Plan> make_plan(const catalog::ObjectState& object, const Settings& settings) {
    const api::ExtendedS3DestinationDescription& s3 = settings.s3;
    auto plan = std::make_shared<Plan>();
    plan->version = settings.version;
    plan->arn = object.arn;
    plan->account = object.account;
    plan->name = object.name;
    plan->store_id = object.arn + '/' + std::to_string(object.created_at.value());
    plan->uid = object.uid;
    plan->bucket = settings.bucket();
    plan->bucket_arn = s3.bucket_arn;
    auto prefix = Prefix::parse(s3.prefix.value_or(""));
    RIACHO_CHECK(prefix.has_value(), "a prefix that was checked does not parse");
    plan->prefix = *std::move(prefix);
    const std::string_view format = name_of(s3.compression_format);
    plan->extension = s3.file_extension ? *s3.file_extension : std::string(file_extension(format));
    auto zone = core::TimeZone::load(zone_name(s3));
    if (!zone) {
        core::log_line(core::LogLevel::error, "a time zone is gone; keys are in UTC",
                       {{"delivery_stream", object.name}, {"time_zone", zone_name(s3)}, {"reason", zone.error()}});
    }
    plan->zone = zone ? *std::move(zone) : core::TimeZone::utc();
    plan->compression = s3.compression_format;
    plan->content_encoding = content_encoding(format);
    if (const auto& kms = s3.encryption_configuration.kms_encryption_config) plan->kms_key_id = kms->awskms_key_arn;
    plan->delimiter = delimiter_of(s3);
    plan->splits_aggregates = settings.source.has_value();
    plan->size_bytes = static_cast<std::size_t>(s3.buffering_hints.size_in_m_bs.value_or(5)) * mib;
    plan->interval_ms =
        std::max(std::int64_t{s3.buffering_hints.interval_in_seconds.value_or(300)} * 1'000, zero_buffer_ms);
    if (const auto& logging = s3.cloud_watch_logging_options; logging && logging->enabled.value_or(false)) {
        plan->log_group = logging->log_group_name.value_or("");
        plan->log_stream = logging->log_stream_name.value_or("");
    }
    return plan;
}

namespace {

Sha256 identity_of(const Plan& plan, std::uint32_t lane, std::uint64_t number, std::string_view kind) {
    const BatchIdentity batch{.store_id = plan.store_id,
                              .account = plan.account,
                              .stream_uid = plan.uid,
                              .branch = 0,
                              .lane = lane,
                              .number = number};
    return output_identity(batch, {.version_id = plan.version, .kind = kind, .partition = {}, .part = 0});
}

}  // namespace

ports::ObjectName object_name(const Plan& plan, std::uint32_t lane, std::uint64_t number, TimestampMs oldest) {
    const KeyOptions options{.stream_name = plan.name,
                             .version_id = plan.version,
                             .oldest = oldest,
                             .zone = plan.zone.get(),
                             .identity = identity_of(plan, lane, number, "main"),
                             .extension = plan.extension};
    return {plan.bucket, object_key(*plan.prefix, options)};
}

std::string entry_name(const Plan& plan, std::uint32_t lane, std::uint64_t number) {
    return uuid_of(identity_of(plan, lane, number, "zip"));
}

}  // namespace riacho::firehose
