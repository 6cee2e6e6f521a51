#include "catalog/keyring.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <span>
#include <system_error>

#include "base/bytes.h"
#include "base/digest.h"
#include "core/replace_file.h"
#include "core/rng.h"

namespace riacho::catalog {
namespace {

constexpr std::size_t file_size = 65;

std::unexpected<KeyringError> problem(const std::string& path, std::string_view what) {
    return fail(KeyringError{"the key file " + path + " " + std::string(what)});
}

std::unexpected<KeyringError> system_problem(const std::string& path, std::string_view what) {
    return problem(path, std::string(what) + ": " + std::generic_category().message(errno));
}

}  // namespace

Expected<Keyring, KeyringError> Keyring::open(const std::string& path, bool may_create, core::Rng& rng) {
    AesKey master{};
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        if (errno != ENOENT) return system_problem(path, "cannot be read");
        if (!may_create) return problem(path, "is missing, but the data directory holds secrets sealed with it");
        rng.fill(std::as_writable_bytes(std::span(master)));
        const std::string text = to_hex(as_text(master)) + "\n";
        // The key is durable before it is used: data sealed with a lost key is lost.
        if (const auto written = core::replace_file(path, text); !written) {
            return problem(path, "cannot be written: " + written.error().describe());
        }
        return Keyring(master);
    }
    std::string text(file_size + 1, '\0');
    const ssize_t size = ::read(fd, text.data(), text.size());
    struct stat status{};
    const bool private_file = ::fstat(fd, &status) == 0 && (status.st_mode & 077) == 0;
    ::close(fd);
    if (!private_file) return problem(path, "can be read by others; its mode must be 0600");
    if (size != static_cast<ssize_t>(file_size)) return problem(path, "is not 64 hexadecimal digits");
    const auto key = from_hex(std::string_view(text).substr(0, 64));
    if (!key) return problem(path, "is not 64 hexadecimal digits");
    std::memcpy(master.data(), key->data(), master.size());
    return Keyring(master);
}

AesKey Keyring::derive(std::string_view purpose) const {
    return hmac_sha256({reinterpret_cast<const char*>(master_.data()), master_.size()}, purpose);
}

std::uint32_t Keyring::check_value() const {
    const AesKey key = derive("check");
    return get_le<std::uint32_t>(std::as_bytes(std::span(key)).data());
}

std::string Keyring::seal_secret(std::string_view access_key, std::string_view secret, core::Rng& rng) const {
    GcmNonce nonce{};
    rng.fill(std::as_writable_bytes(std::span(nonce)));
    std::string sealed(reinterpret_cast<const char*>(nonce.data()), nonce.size());
    return sealed + aes_256_gcm_seal(derive("credentials"), nonce, access_key, secret);
}

std::optional<std::string> Keyring::open_secret(std::string_view access_key, std::string_view sealed) const {
    GcmNonce nonce{};
    if (sealed.size() < nonce.size()) return std::nullopt;
    std::memcpy(nonce.data(), sealed.data(), nonce.size());
    return aes_256_gcm_open(derive("credentials"), nonce, access_key, sealed.substr(nonce.size()));
}

}  // namespace riacho::catalog
