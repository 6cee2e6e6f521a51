#include "streams/encryption.h"

#include <fmt/format.h>

#include <cstring>

#include "aws/gen/kinesis/errors.gen.h"
#include "base/bytes.h"
#include "base/check.h"
#include "core/rng.h"

namespace riacho::streams {

namespace errors = riacho::api::kinesis::errors;

namespace {

std::string name_of_key(std::string_view stream_arn) { return fmt::format("data-key:{}", stream_arn); }

}  // namespace

std::string DataKeys::make(std::string_view stream_arn) const {
    std::string key(sizeof(AesKey), '\0');
    rng_.fill(std::as_writable_bytes(std::span(key)));
    return keyring_.seal_secret(name_of_key(stream_arn), key, rng_);
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

std::shared_ptr<const AesKey> DataKeys::key_of(const catalog::StreamState& stream, std::uint32_t version) const {
    if (version == 0 || version > stream.data_keys.size()) return nullptr;
    const MutexLock lock(mutex_);
    auto& known = opened_[{stream.uid, version}];
    if (known == nullptr) {
        const auto key = keyring_.open_secret(name_of_key(stream.arn), stream.data_keys[version - 1]);
        if (!key || key->size() != sizeof(AesKey)) return nullptr;
        AesKey bytes{};
        std::memcpy(bytes.data(), key->data(), bytes.size());
        known = std::make_shared<const AesKey>(bytes);
    }
    return known;
}

void DataKeys::seal(const catalog::StreamState& stream, std::string_view partition_key, std::string_view data,
                    std::span<std::byte> out) const {
    const auto version = static_cast<std::uint32_t>(stream.data_keys.size());
    const auto key = key_of(stream, version);
    RIACHO_CHECK(key != nullptr, "a data key of the catalog opens under the keyring that sealed it");
    GcmNonce nonce{};
    rng_.fill(std::as_writable_bytes(std::span(nonce)));
    put_le(out.data(), version);
    std::memcpy(out.data() + 4, nonce.data(), nonce.size());
    const std::string sealed = aes_256_gcm_seal(*key, nonce, partition_key, data);
    std::memcpy(out.data() + 4 + nonce.size(), sealed.data(), sealed.size());
}

std::optional<std::string> DataKeys::open(const catalog::StreamState& stream, std::string_view partition_key,
                                          std::string_view sealed) const {
    if (sealed.size() < seal_overhead) return std::nullopt;
    const auto version = get_le<std::uint32_t>(reinterpret_cast<const std::byte*>(sealed.data()));
    const auto key = key_of(stream, version);
    if (key == nullptr) return std::nullopt;
    GcmNonce nonce{};
    std::memcpy(nonce.data(), sealed.data() + 4, nonce.size());
    return aes_256_gcm_open(*key, nonce, partition_key, sealed.substr(4 + nonce.size()));
}

}  // namespace riacho::streams
