// What AWS checks beyond the model when a destination is made or changed (firehose spec 5, layer 2), and what this
// server does not do yet. All of it without any network: role, bucket and endpoint are not probed.
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

// The one destination of a new delivery stream, with every default filled in. InvalidArgumentException for none or
// several of them, for what AWS refuses, and, in one sentence, for what is not supported.
Result<api::ExtendedS3DestinationDescription> destination_of(const api::CreateDeliveryStreamInput& request);

// The destination after an update: members given replace, members absent stay (spec 3.7).
Result<api::ExtendedS3DestinationDescription> updated_destination(const api::ExtendedS3DestinationDescription& present,
                                                                  const api::UpdateDestinationInput& request);

// AWS: 50 tags at most; a key given twice has the last value.
catalog::Tags tags_of(const std::vector<api::Tag>& tags);

}  // namespace riacho::firehose
