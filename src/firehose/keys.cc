#include "firehose/keys.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/codec.h"
#include "base/try.h"
#include "core/time_zone.h"

namespace riacho::firehose {
namespace {

constexpr std::string_view opens = "!{";
// AWS: 512 characters. S3 allows 1,024 bytes for the key, of which the suffix takes up to 265.
constexpr std::size_t evaluated_characters_max = 512;
constexpr std::size_t evaluated_size_max = 700;
constexpr std::size_t random_string_size = 11;
constexpr std::string_view longest_error_output_type = "AmazonOpenSearchService-failed";

const formats::JavaTimePattern& pattern_of(std::string_view text) {
    static const formats::JavaTimePattern hours = formats::JavaTimePattern::parse("yyyy/MM/dd/HH/").value();
    static const formats::JavaTimePattern seconds = formats::JavaTimePattern::parse("yyyy-MM-dd-HH-mm-ss").value();
    return text == "hours" ? hours : seconds;
}

// Each occurrence in a key has a different string; AWS: eleven letters and digits.
std::string random_string(const Sha256& seed, std::uint64_t occurrence) {
    static constexpr std::string_view digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    Encoder encoder;
    encoder.text("random-string");
    encoder.text(as_text(seed));
    encoder.varint(occurrence);
    const Sha256 hash = sha256(encoder.bytes());
    std::string text;
    // Two bytes for each digit, so that all digits are about equally likely.
    for (std::size_t i = 0; i < random_string_size; ++i) {
        const unsigned value = static_cast<unsigned>(hash[2 * i]) << 8 | hash[2 * i + 1];
        text += digits[value % digits.size()];
    }
    return text;
}

bool is_partition_namespace(std::string_view name) {
    return name == "partitionKeyFromQuery" || name == "partitionKeyFromLambda";
}

formats::ZonedTime zoned(TimestampMs instant, const core::TimeZone& zone) {
    const auto at = zone.at(instant);
    return {.instant = instant,
            .offset_s = at.offset_s,
            .is_daylight = at.is_daylight,
            .zone_id = zone.name(),
            .abbreviation = at.abbreviation};
}

void append_suffix(std::string& out, const KeyOptions& options, const formats::ZonedTime& time,
                   std::string_view extension) {
    fmt::format_to(std::back_inserter(out), "{}-{}-", options.stream_name, options.version_id);
    pattern_of("seconds").append(out, time);
    fmt::format_to(std::back_inserter(out), "-{}{}", uuid_of(options.identity), extension);
}

PrefixProblem rule(std::string text) { return {PrefixProblem::Kind::rule, std::move(text)}; }

// Checks the length of an evaluated prefix, for a time with long names.
std::optional<PrefixProblem> check_size(std::string_view name, const Prefix& prefix) {
    constexpr TimestampMs wednesday_in_september(1'790'204'399'999);  // 2026-09-23T22:59:59.999Z
    std::string text;
    prefix.append(text, {.time = {.instant = wednesday_in_september}, .error_output_type = longest_error_output_type});
    const auto begins_character = [](char c) { return (static_cast<std::uint8_t>(c) & 0xC0) != 0x80; };
    const auto characters = static_cast<std::size_t>(std::ranges::count_if(text, begins_character));
    if (characters <= evaluated_characters_max && text.size() <= evaluated_size_max) return std::nullopt;
    return rule(fmt::format("{} must not be longer than {} characters after its expressions are evaluated", name,
                            evaluated_characters_max));
}

}  // namespace

Expected<Prefix::Part, std::string> Prefix::parse_expression(std::string_view expression) {
    const std::size_t colon = expression.find(':');
    const std::string_view name = expression.substr(0, colon);
    const std::string_view value = colon == std::string_view::npos ? "" : expression.substr(colon + 1);
    Part part;
    if (value.empty()) return fail(fmt::format("!{{{}}} must have the form !{{namespace:value}}", expression));
    if (name == "timestamp") {
        auto pattern = formats::JavaTimePattern::parse(value);
        if (!pattern)
            return fail(fmt::format("!{{{}}} must hold a valid date pattern ({})", expression, pattern.error()));
        part.kind = Part::Kind::timestamp;
        part.pattern = *std::move(pattern);
    } else if (name == "firehose" && value == "random-string") {
        part.kind = Part::Kind::random_string;
    } else if (name == "firehose" && value == "error-output-type") {
        part.kind = Part::Kind::error_output_type;
    } else if (is_partition_namespace(name)) {
        part.kind = Part::Kind::partition_key;
        part.text = expression;
    } else {
        return fail(
            fmt::format("!{{{}}} must be one of !{{timestamp:pattern}}, !{{firehose:random-string}}, "
                        "!{{firehose:error-output-type}}, !{{partitionKeyFromQuery:key}} and "
                        "!{{partitionKeyFromLambda:key}}",
                        expression));
    }
    return part;
}

Expected<Prefix, std::string> Prefix::parse(std::string_view text) {
    Prefix prefix;
    while (!text.empty()) {
        const std::size_t begin = text.find(opens);
        if (begin != 0) prefix.parts_.push_back({.text = std::string(text.substr(0, begin))});
        if (begin == std::string_view::npos) break;
        const std::size_t end = text.find('}', begin);
        if (end == std::string_view::npos)
            return fail(std::string("an expression that begins with !{ must end with }"));
        TRY(Part part, parse_expression(text.substr(begin + opens.size(), end - begin - opens.size())));
        prefix.parts_.push_back(std::move(part));
        text.remove_prefix(end + 1);
    }
    return prefix;
}

bool Prefix::has(Part::Kind kind) const { return std::ranges::find(parts_, kind, &Part::kind) != parts_.end(); }

bool Prefix::has_expressions() const {
    return std::ranges::any_of(parts_, [](const Part& part) { return part.kind != Part::Kind::text; });
}

void Prefix::append(std::string& out, const Values& values) const {
    std::uint64_t occurrence = 0;
    for (const Part& part : parts_) {
        switch (part.kind) {
            case Part::Kind::text:
                out += part.text;
                break;
            case Part::Kind::timestamp:
                part.pattern.append(out, values.time);
                break;
            case Part::Kind::random_string:
                out += random_string(values.seed, occurrence++);
                break;
            case Part::Kind::error_output_type:
                out += values.error_output_type;
                break;
            case Part::Kind::partition_key:  // check_prefixes() refuses these without partitioning
                break;
        }
    }
}

std::optional<PrefixProblem> check_prefixes(const PrefixCheck& check) {
    const auto prefix = Prefix::parse(check.prefix);
    if (!prefix) return rule(prefix.error());
    const auto error_prefix = Prefix::parse(check.error_output_prefix);
    if (!error_prefix) return rule(error_prefix.error());
    if (prefix->has_expressions() && check.error_output_prefix.empty()) {
        return rule("ErrorOutputPrefix cannot be null or empty when Prefix contains expressions");
    }
    if (prefix->has_error_output_type()) {
        return rule("Prefix cannot contain expression !{firehose:error-output-type}");
    }
    if (error_prefix->has_partition_keys()) {
        return rule("ErrorOutputPrefix cannot contain dynamic partitioning namespaces");
    }
    if (error_prefix->has_expressions() && !error_prefix->has_error_output_type()) {
        return rule(
            "ErrorOutputPrefix must contain expression !{firehose:error-output-type} when it contains expressions");
    }
    if (prefix->has_partition_keys() && !check.is_partitioned) {
        return PrefixProblem{PrefixProblem::Kind::partition_namespace, {}};
    }
    if (auto problem = check_size("Prefix", *prefix)) return problem;
    return check_size("ErrorOutputPrefix", *error_prefix);
}

std::string object_key(const Prefix& prefix, const KeyOptions& options) {
    const formats::ZonedTime time = zoned(options.oldest, *options.zone);
    std::string key;
    prefix.append(key, {.time = time, .seed = options.identity});
    // AWS: appended without a slash between, and only to prefixes without expressions.
    if (!prefix.has_expressions()) pattern_of("hours").append(key, time);
    append_suffix(key, options, time, options.extension);
    return key;
}

std::string error_object_key(const Prefix& prefix, const Prefix* error_prefix, std::string_view error_output_type,
                             const KeyOptions& options) {
    const formats::ZonedTime time = zoned(options.oldest, *options.zone);
    std::string key;
    const Prefix& chosen = error_prefix != nullptr ? *error_prefix : prefix;
    chosen.append(key, {.time = time, .seed = options.identity, .error_output_type = error_output_type});
    if (error_prefix == nullptr) {
        key += error_output_type;
        key += '/';
    }
    if (!chosen.has_expressions()) pattern_of("hours").append(key, time);
    append_suffix(key, options, time, {});
    return key;
}

std::string_view file_extension(std::string_view compression_format) {
    if (compression_format == "GZIP") return ".gz";
    if (compression_format == "ZIP") return ".zip";
    if (compression_format == "Snappy" || compression_format == "HADOOP_SNAPPY") return ".snappy";
    return {};
}

std::string_view content_encoding(std::string_view compression_format) {
    if (compression_format == "GZIP") return "gzip";
    if (compression_format == "ZIP") return "zip";
    if (compression_format == "Snappy") return "snappy-java";
    if (compression_format == "HADOOP_SNAPPY") return "hadoop-snappy";
    return {};
}

Sha256 output_identity(const BatchIdentity& batch, const OutputIdentity& output) {
    Encoder whole;
    whole.text("riacho firehose batch 1");
    whole.text(batch.store_id);
    whole.text(batch.account);
    whole.varint(batch.stream_uid);
    whole.varint(batch.branch);
    whole.varint(batch.lane);
    whole.varint(batch.number);
    const Sha256 batch_hash = sha256(whole.bytes());
    Encoder one;
    one.text(as_text(batch_hash));
    one.varint(output.version_id);
    one.text(output.kind);
    one.text(output.partition);
    one.varint(output.part);
    return sha256(one.bytes());
}

std::string uuid_of(const Sha256& identity) {
    std::string bytes(as_text(identity).substr(0, 16));
    bytes[6] = static_cast<char>((static_cast<std::uint8_t>(bytes[6]) & 0x0F) | 0x40);
    bytes[8] = static_cast<char>((static_cast<std::uint8_t>(bytes[8]) & 0x3F) | 0x80);
    const std::string hex = to_hex(bytes);
    const std::string_view text = hex;
    return fmt::format("{}-{}-{}-{}-{}", text.substr(0, 8), text.substr(8, 4), text.substr(12, 4), text.substr(16, 4),
                       text.substr(20));
}

}  // namespace riacho::firehose
