// The OpenSSL context of the outbound client, and the location of trusted certificates.
#pragma once

#include <string>

#include "base/result.h"
#include "http/detail/tls_context.h"
#include "http/tls.h"

namespace riacho::http::detail {

// TLS 1.2 and 1.3, certificates verified, ALPN http/1.1. Reads the certificates of ca_file, or without one the
// system's: those named by SSL_CERT_FILE and SSL_CERT_DIR, OpenSSL's default file, or the distribution's bundle. A
// whole bundle takes 50 to 150 ms, so this must not be called on a core.
Expected<SslContext, TlsError> make_client_context(const std::string& ca_file);

}  // namespace riacho::http::detail
