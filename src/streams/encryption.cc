#include "streams/encryption.h"

#include <fmt/format.h>

#include "aws/gen/kinesis/errors.gen.h"

namespace riacho::streams {

namespace errors = riacho::api::kinesis::errors;

namespace {

catalog::KeyOwner owner_of(const catalog::StreamState& stream) { return {stream.uid, stream.arn, stream.data_keys}; }

}  // namespace

bool DataKeys::can_open(const catalog::StreamState& stream) const {
    return stream.data_keys.empty() || keys_.can_open(owner_of(stream));
}

std::optional<aws::ApiError> DataKeys::refusal(std::string_view key_id, const catalog::StreamState& stream,
                                               bool writing) const {
    const auto found = faults_.find(key_id);
    if (found == faults_.end()) return std::nullopt;
    const std::string user = fmt::format("arn:aws:iam::{}:root", stream.account);
    switch (found->second) {
        case KeyFault::access_denied:
            return writing ? errors::kms_access_denied_on_write(user, key_id)
                           : errors::kms_access_denied_on_read(user, stream.name);
        case KeyFault::disabled:
            return errors::kms_disabled(key_id);
        case KeyFault::invalid_state:
            return errors::kms_invalid_state(key_id);
        case KeyFault::not_found:
            return errors::kms_not_found(key_id);
        case KeyFault::opt_in_required:
            return errors::kms_opt_in_required(stream.account);
        case KeyFault::throttling:
            return errors::kms_throttling(key_id);
    }
    return std::nullopt;
}

void DataKeys::seal(const catalog::StreamState& stream, std::string_view partition_key, std::string_view data,
                    std::span<std::byte> out) const {
    keys_.seal(owner_of(stream), partition_key, data, out);
}

std::optional<std::string> DataKeys::open(const catalog::StreamState& stream, std::string_view partition_key,
                                          std::string_view sealed) const {
    return keys_.open(owner_of(stream), partition_key, sealed);
}

}  // namespace riacho::streams
