// Plan: the settings of a delivery stream in the form that its pipeline uses, parsed once for each version.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "aws/error.h"
#include "firehose/keys.h"
#include "firehose/settings.h"
#include "ports/object_store.h"

namespace riacho::core {
class TimeZone;
}

namespace riacho::firehose {

// Checks prefixes, time zone and delimiter of a destination, as AWS does when it is made or changed. Reads the zone's
// file.
aws::Result<void> check_keys(const api::ExtendedS3DestinationDescription& s3);

struct Plan {
    std::uint64_t version = 1;  // AWS's VersionId
    std::string arn;
    std::string account;
    std::string name;
    std::string store_id;  // distinguishes it from the delivery stream of the same uid in another data directory
    std::uint64_t uid = 0;
    std::string bucket;
    std::string bucket_arn;
    std::optional<Prefix> prefix;
    std::string extension;
    std::shared_ptr<const core::TimeZone> zone;
    api::CompressionFormat compression = api::CompressionFormat::uncompressed;
    std::string content_encoding;    // empty: none
    std::string kms_key_id;          // empty: none
    std::string delimiter;           // appended to each record
    bool splits_aggregates = false;  // KPL aggregates are taken apart
    std::size_t size_bytes = 0;      // buffering hint
    std::int64_t interval_ms = 0;    // buffering hint; never 0
    std::string log_group;           // printed in error lines
    std::string log_stream;
};

// Never fails for settings that have passed check_keys(). If the file of the time zone is missing meanwhile, the zone
// is UTC, and a line is logged.
std::shared_ptr<const Plan> make_plan(const catalog::ObjectState& object, const Settings& settings);

// The name of the object for a batch.
ports::ObjectName object_name(const Plan& plan, std::uint32_t lane, std::uint64_t number, TimestampMs oldest);
// The name of the entry in a ZIP archive. AWS: a UUID that is unrelated to the key.
std::string entry_name(const Plan& plan, std::uint32_t lane, std::uint64_t number);

}  // namespace riacho::firehose
