// Keyring: the master key of a data directory, and the keys derived from it or sealed under it.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/cipher.h"
#include "base/result.h"
#include "core/fwd.h"

namespace riacho::catalog {

struct KeyringError {
    std::string message;  // names the file and the fault
};

// Constant after construction; thread-safe.
class Keyring {
public:
    // Reads the key file, or creates it (mode 0600) if it is missing and may_create. Format: 64 hexadecimal digits and
    // a newline.
    static Expected<Keyring, KeyringError> open(const std::string& path, bool may_create, core::Rng& rng);

    // A key for one purpose, always the same for this master key.
    [[nodiscard]] AesKey derive(std::string_view purpose) const;

    // Distinguishes master keys and reveals nothing about them.
    [[nodiscard]] std::uint32_t check_value() const;

    // An access key's secret in the sealed form that the catalog stores, bound to the access key id.
    [[nodiscard]] std::string seal_secret(std::string_view access_key, std::string_view secret, core::Rng& rng) const;
    [[nodiscard]] std::optional<std::string> open_secret(std::string_view access_key, std::string_view sealed) const;

private:
    explicit Keyring(const AesKey& master) : master_(master) {}
    AesKey master_;
};

}  // namespace riacho::catalog
