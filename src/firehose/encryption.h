// Server-side encryption of what is put into a delivery stream.
#pragma once

#include <string_view>

#include "aws/error.h"
#include "firehose/settings.h"

namespace riacho::catalog {
class DataKeys;
}

namespace riacho::firehose {

// Switches it on under the key that is wanted; a new data key is made when there is none for it yet. settled_at stays
// as it is. AWS: InvalidArgumentException for a customer's key without its ARN (spec 3.9).
aws::Result<void> start_encryption(const api::DeliveryStreamEncryptionConfigurationInput& wanted,
                                   const catalog::DataKeys& keys, std::string_view stream_arn, Encryption& encryption);

}  // namespace riacho::firehose
