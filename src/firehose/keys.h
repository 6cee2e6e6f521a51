// Names of the objects that Firehose writes: prefixes with expressions, suffixes, and the identities of which names are
// made. AWS: firehose spec 9. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/digest.h"
#include "base/result.h"
#include "base/time.h"
#include "formats/java_time.h"

namespace riacho::core {
class TimeZone;
}

namespace riacho::firehose {

// A parsed Prefix or ErrorOutputPrefix: text and expressions `!{namespace:value}`.
class Prefix {
public:
    // The error is the violated constraint as AWS's sentence about prefixes names it.
    static Expected<Prefix, std::string> parse(std::string_view text);

    [[nodiscard]] bool has_expressions() const;
    [[nodiscard]] bool has_error_output_type() const { return has(Part::Kind::error_output_type); }
    [[nodiscard]] bool has_partition_keys() const { return has(Part::Kind::partition_key); }

    struct Values {
        formats::ZonedTime time;             // of every timestamp expression
        Sha256 seed{};                       // of the random strings, which differ at each occurrence
        std::string_view error_output_type;  // "processing-failed"
    };
    void append(std::string& out, const Values& values) const;

private:
    struct Part {
        enum class Kind : std::uint8_t { text, timestamp, random_string, error_output_type, partition_key };
        Kind kind = Kind::text;
        std::string text;  // for partition_key: namespace and key
        formats::JavaTimePattern pattern;
    };
    [[nodiscard]] bool has(Part::Kind kind) const;
    static Expected<Part, std::string> parse_expression(std::string_view expression);

    std::vector<Part> parts_;
};

// The reason why AWS refuses a pair of prefixes.
struct PrefixProblem {
    enum class Kind : std::uint8_t {
        rule,                // api::prefix_rule(rule): "Ths supplied prefix(es) do not satisfy ..."
        partition_namespace  // api::partition_namespace_without_partitioning()
    } kind = Kind::rule;
    std::string rule;
};
struct PrefixCheck {
    std::string_view prefix;               // empty: none
    std::string_view error_output_prefix;  // empty: none
    bool is_partitioned = false;           // dynamic partitioning is on
};
// AWS: spec 9.3 and 5. Nothing if the pair may be used.
std::optional<PrefixProblem> check_prefixes(const PrefixCheck& check);

// All values that an object's key depends on: the same values give the same key, so that a repeated delivery overwrites
// the first.
struct KeyOptions {
    std::string_view stream_name;
    std::uint64_t version_id = 1;  // AWS's VersionId of the configuration
    TimestampMs oldest{};          // arrival of the oldest record in the object
    const core::TimeZone* zone = nullptr;
    Sha256 identity{};           // see output_identity()
    std::string_view extension;  // see file_extension(); none for error outputs
};
// The two prefixes must have passed check_prefixes().
std::string object_key(const Prefix& prefix, const KeyOptions& options);
// error_prefix: null without an ErrorOutputPrefix; error objects then get the prefix for data.
std::string error_object_key(const Prefix& prefix, const Prefix* error_prefix, std::string_view error_output_type,
                             const KeyOptions& options);

// AWS: spec 9.4 and 9.5; by the name of the CompressionFormat: ".gz" and "gzip" for GZIP, nothing for UNCOMPRESSED.
std::string_view file_extension(std::string_view compression_format);
std::string_view content_encoding(std::string_view compression_format);

// Identifies a batch independently of the process that makes it.
struct BatchIdentity {
    std::string_view store_id;  // of the data directory
    std::string_view account;
    std::uint64_t stream_uid = 0;
    std::uint32_t branch = 0;
    std::uint32_t lane = 0;
    std::uint64_t number = 0;  // of the batch in its lane
};
// Identifies one object of a batch. Another version of the configuration may make other objects of the same batch.
struct OutputIdentity {
    std::uint64_t version_id = 1;
    std::string_view kind;       // "main", "error", "backup"
    std::string_view partition;  // or the error-output-type
    std::uint32_t part = 0;
};
Sha256 output_identity(const BatchIdentity& batch, const OutputIdentity& output);
// The first 128 bits in the form of a random (version 4) UUID.
std::string uuid_of(const Sha256& identity);

}  // namespace riacho::firehose
