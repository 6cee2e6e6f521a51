// The OpenSSL context of the outbound client, and where certificates to trust are found.
#pragma once

#include <string>

#include "base/result.h"
#include "http/detail/tls_context.h"
#include "http/tls.h"

namespace riacho::http::detail {

// TLS 1.2 and 1.3, certificates verified, ALPN http/1.1. Reads the certificates of ca_file, or without one the
// system's: what SSL_CERT_FILE and SSL_CERT_DIR name, OpenSSL's default file, or the bundle of the distribution. Takes
// 50 to 150 ms for a whole bundle, so not to be called on a core.
Expected<SslContext, TlsError> make_client_context(const std::string& ca_file);

}  // namespace riacho::http::detail
