#include "firehose/encryption.h"

#include "aws/gen/firehose/errors.gen.h"
#include "catalog/data_keys.h"

namespace riacho::firehose {

namespace errors = api::errors;

aws::Result<void> start_encryption(const api::DeliveryStreamEncryptionConfigurationInput& wanted,
                                   const catalog::DataKeys& keys, std::string_view stream_arn, Encryption& encryption) {
    const bool is_customers = wanted.key_type == api::KeyType::customer_managed_cmk;
    if (is_customers && !wanted.key_arn) return fail(errors::encryption_key_missing());
    if (!is_customers && wanted.key_arn) return fail(errors::encryption_key_not_wanted());
    const std::string_view key_arn = wanted.key_arn.value_or("");
    const bool is_same = wanted.key_type == encryption.key_type && key_arn == encryption.key_arn;
    // Older keys are kept for the records that were sealed with them.
    if (encryption.data_keys.empty() || !is_same) encryption.data_keys.push_back(keys.make(stream_arn));
    encryption.is_on = true;
    encryption.was_changed = true;
    encryption.key_type = wanted.key_type;
    encryption.key_arn = key_arn;
    return {};
}

}  // namespace riacho::firehose
