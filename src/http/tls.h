// TLS certificates: their files, and the creation of a self-signed certificate.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"

namespace riacho::http {

// PEM files: the certificate (with its chain, leaf first) and its private key.
struct TlsOptions {
    std::string cert_path;
    std::string key_path;
};

struct TlsError {
    std::string message;  // names the file and the fault
};

// Writes a self-signed ECDSA P-256 certificate valid for ten years, for 127.0.0.1, ::1, localhost and the given host
// names or addresses. Each file appears whole or not at all (temporary file, then rename), the key with mode 0600.
// Existing files are replaced. not_before_s is in seconds since 1970.
Expected<void, TlsError> make_self_signed(const TlsOptions& paths, std::span<const std::string> host_names,
                                          std::int64_t not_before_s);

// Checks that both files can be loaded and that the key belongs to the certificate.
Expected<void, TlsError> check_certificate(const TlsOptions& paths);

}  // namespace riacho::http
