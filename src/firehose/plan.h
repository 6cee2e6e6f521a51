// Plan: the settings of a delivery stream as its pipeline works by them, parsed once for each version.
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

// Prefixes, time zone and delimiter of a destination, as AWS checks them when it is made or changed. Reads the zone's
// file.
aws::Result<void> check_keys(const api::ExtendedS3DestinationDescription& s3);

struct Plan {
    std::uint64_t version = 1;  // AWS's VersionId
    std::string arn;
    std::string account;
    std::string name;
    std::string store_id;  // tells this delivery stream from one of the same uid in another data directory
    std::uint64_t uid = 0;
    std::string bucket;
    std::string bucket_arn;
    std::optional<Prefix> prefix;
    std::string extension;
    std::shared_ptr<const core::TimeZone> zone;
    api::CompressionFormat compression = api::CompressionFormat::uncompressed;
    std::string content_encoding;    // empty: none
    std::string kms_key_id;          // empty: none
    std::string delimiter;           // after each record
    bool splits_aggregates = false;  // records of the KPL are taken apart
    std::size_t size_bytes = 0;      // hint
    std::int64_t interval_ms = 0;    // hint; never 0
    std::string log_group;           // for error lines
    std::string log_stream;
};

// Never fails for settings that check_keys() has passed, but for a time zone whose file is gone: then it is UTC, and a
// line says so.
std::shared_ptr<const Plan> make_plan(const catalog::ObjectState& object, const Settings& settings);

// Where a batch of a plan goes.
ports::ObjectName object_name(const Plan& plan, std::uint32_t lane, std::uint64_t number, TimestampMs oldest);
// What the entry of a ZIP archive is called. AWS: a UUID that has nothing to do with the key.
std::string entry_name(const Plan& plan, std::uint32_t lane, std::uint64_t number);

}  // namespace riacho::firehose
