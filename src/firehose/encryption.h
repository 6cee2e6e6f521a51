// Server-side encryption of the records that are put into a delivery stream.
#pragma once

#include <string_view>

#include "aws/error.h"
#include "firehose/settings.h"

namespace riacho::catalog {
class DataKeys;
}

namespace riacho::firehose {

// Switches encryption on with the requested key; makes a new data key if there is none for it yet. Leaves settled_at
// unchanged. AWS: InvalidArgumentException for a customer's key without its ARN (spec 3.9).
aws::Result<void> start_encryption(const api::DeliveryStreamEncryptionConfigurationInput& wanted,
                                   const catalog::DataKeys& keys, std::string_view stream_arn, Encryption& encryption);

}  // namespace riacho::firehose
