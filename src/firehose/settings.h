// What a delivery stream is set to, and how the catalog keeps it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "aws/gen/firehose/types_describe_delivery_stream.gen.h"
#include "base/time.h"
#include "catalog/model.h"

namespace riacho::firehose {

namespace api = riacho::api::firehose;

// Where the records come from when they are not put.
struct KinesisSource {
    std::string stream_arn;
    std::string role_arn;
    std::uint64_t stream_uid = 0;  // a stream that is created again under the name is another
    std::string user;              // who made the delivery stream, for the policies of other accounts
    TimestampMs started_at;        // AWS: DeliveryStartTimestamp
};

// Server-side encryption of what is put.
struct Encryption {
    bool is_on = false;        // wanted; in effect from `settled_at` on
    bool was_on = false;       // before the last change, whose effect begins at `settled_at`
    bool was_changed = false;  // a stream that never had it is DISABLED
    TimestampMs settled_at;    // ENABLING or DISABLING until then
    api::KeyType key_type = api::KeyType::aws_owned_cmk;
    std::string key_arn;                 // of a customer's key
    std::vector<std::string> data_keys;  // sealed, by version from 1 on (catalog::DataKeys)
    std::vector<TimestampMs> changes;    // the last ones, for AWS's limit of 25 in 24 hours
};

// AWS: 25 changes of the encryption in 24 hours (firehose spec 1.3).
inline constexpr std::size_t encryption_changes_max = 25;

struct Settings {
    std::uint64_t version = 1;              // AWS's VersionId: only UpdateDestination raises it
    std::optional<TimestampMs> updated_at;  // AWS: LastUpdateTimestamp
    std::optional<KinesisSource> source;    // absent: DirectPut
    std::optional<std::int32_t> throughput_hint;
    Encryption encryption;
    api::ExtendedS3DestinationDescription s3;  // with every default filled in

    [[nodiscard]] api::DeliveryStreamEncryptionStatus encryption_status(TimestampMs now) const;
    // Records that are put now are sealed.
    [[nodiscard]] bool seals(TimestampMs now) const {
        return now >= encryption.settled_at ? encryption.is_on : encryption.was_on;
    }
    // The bucket's name out of its ARN.
    [[nodiscard]] std::string_view bucket() const;
};

std::string encode(const Settings& settings);
// Nothing for bytes that no version up to this one wrote.
std::optional<Settings> decode_settings(std::string_view bytes);

// The settings of a delivery stream of the catalog; a programmer's error for any other object.
Settings settings_of(const catalog::ObjectState& object);

// As DescribeDeliveryStream shows it.
api::DeliveryStreamDescription describe(const catalog::ObjectState& object, const Settings& settings, TimestampMs now);
api::DeliveryStreamStatus status_of(const catalog::ObjectState& object, TimestampMs now);

}  // namespace riacho::firehose
