// The master key of a data directory, and the keys and sealed secrets that hang on it.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/cipher.h"
#include "base/result.h"
#include "core/fwd.h"

namespace riacho::catalog {

struct KeyringError {
    std::string message;  // names the file and what is wrong
};

// Constant after construction; thread-safe.
class Keyring {
public:
    // Reads the file, or makes one (mode 0600) when it is missing and may_create. 64 hexadecimal digits and a newline.
    static Expected<Keyring, KeyringError> open(const std::string& path, bool may_create, core::Rng& rng);

    // A key of its own for each purpose, always the same for this master key.
    [[nodiscard]] AesKey derive(std::string_view purpose) const;

    // Tells two master keys apart and nothing about either.
    [[nodiscard]] std::uint32_t check_value() const;

    // An access key's secret as the catalog stores it, bound to the access key id.
    [[nodiscard]] std::string seal_secret(std::string_view access_key, std::string_view secret, core::Rng& rng) const;
    [[nodiscard]] std::optional<std::string> open_secret(std::string_view access_key, std::string_view sealed) const;

private:
    explicit Keyring(const AesKey& master) : master_(master) {}
    AesKey master_;
};

}  // namespace riacho::catalog
