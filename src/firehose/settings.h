// The settings of a delivery stream, and their encoding in the catalog.
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

// The stream that records come from, unless they are put.
struct KinesisSource {
    std::string stream_arn;
    std::string role_arn;
    std::uint64_t stream_uid = 0;  // a new stream of the same name has another uid
    std::string user;              // the user who made the delivery stream, for the policies of other accounts
    TimestampMs started_at;        // AWS: DeliveryStartTimestamp
};

// Server-side encryption of records that are put.
struct Encryption {
    bool is_on = false;        // wanted; in effect from `settled_at` on
    bool was_on = false;       // before the last change, which takes effect at `settled_at`
    bool was_changed = false;  // false: DISABLED, it was never switched on
    TimestampMs settled_at;    // ENABLING or DISABLING until then
    api::KeyType key_type = api::KeyType::aws_owned_cmk;
    std::string key_arn;                 // of a customer's key
    std::vector<std::string> data_keys;  // sealed, by version from 1 on (catalog::DataKeys)
    std::vector<TimestampMs> changes;    // recent ones, for AWS's limit of 25 in 24 hours
};

// AWS: 25 changes of the encryption in 24 hours (firehose spec 1.3).
inline constexpr std::size_t encryption_changes_max = 25;

struct Settings {
    std::uint64_t version = 1;              // AWS's VersionId: raised by UpdateDestination only
    std::optional<TimestampMs> updated_at;  // AWS: LastUpdateTimestamp
    std::optional<KinesisSource> source;    // absent: DirectPut
    std::optional<std::int32_t> throughput_hint;
    Encryption encryption;
    api::ExtendedS3DestinationDescription s3;  // with every default filled in

    [[nodiscard]] api::DeliveryStreamEncryptionStatus encryption_status(TimestampMs now) const;
    // Whether records that are put now are sealed.
    [[nodiscard]] bool seals(TimestampMs now) const {
        return now >= encryption.settled_at ? encryption.is_on : encryption.was_on;
    }
    // The bucket's name from its ARN.
    [[nodiscard]] std::string_view bucket() const;
};

std::string encode(const Settings& settings);
// Nothing for bytes that neither this nor an earlier version wrote.
std::optional<Settings> decode_settings(std::string_view bytes);

// The settings of a delivery stream of the catalog; for any other object a programmer error.
Settings settings_of(const catalog::ObjectState& object);

// The reply of DescribeDeliveryStream.
api::DeliveryStreamDescription describe(const catalog::ObjectState& object, const Settings& settings, TimestampMs now);
api::DeliveryStreamStatus status_of(const catalog::ObjectState& object, TimestampMs now);

}  // namespace riacho::firehose
