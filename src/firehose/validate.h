// Checks of AWS beyond the model when a destination is made or changed (firehose spec 5, layer 2), and refusal of
// settings that are not supported here. Without any network: role, bucket and endpoint are not probed.
#pragma once

#include <optional>
#include <vector>

#include "aws/error.h"
#include "firehose/settings.h"

namespace riacho::api::firehose {
struct CreateDeliveryStreamInput;
struct UpdateDestinationInput;
}  // namespace riacho::api::firehose

namespace riacho::firehose {

using aws::Result;

// The only destination of a new delivery stream, with every default filled in. InvalidArgumentException for none or
// several destinations, for invalid members, and for unsupported ones.
Result<api::ExtendedS3DestinationDescription> destination_of(const api::CreateDeliveryStreamInput& request);

// The destination after an update: members of the request replace, absent ones stay (spec 3.7).
Result<api::ExtendedS3DestinationDescription> updated_destination(const api::ExtendedS3DestinationDescription& present,
                                                                  const api::UpdateDestinationInput& request);

// AWS: 50 tags at most; of a key given twice the last value counts.
catalog::Tags tags_of(const std::vector<api::Tag>& tags);

}  // namespace riacho::firehose
