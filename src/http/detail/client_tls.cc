#include "http/detail/client_tls.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <unistd.h>

#include <array>
#include <cstdlib>

#include "http/detail/tls_context.h"

namespace riacho::http::detail {
namespace {

constexpr std::array<unsigned char, 9> alpn = {8, 'h', 't', 't', 'p', '/', '1', '.', '1'};

const char* from_environment(const char* name) {
    const char* const value = std::getenv(name);
    return value != nullptr && *value != '\0' ? value : nullptr;
}

// Loading a whole bundle once costs less than a look-up by hash in a directory during each handshake, which would block
// a core.
std::string system_bundle() {
    if (const char* const named = from_environment(X509_get_default_cert_file_env())) return named;
    for (const char* const path : {X509_get_default_cert_file(), "/etc/ssl/certs/ca-certificates.crt",
                                   "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem", "/etc/ssl/cert.pem"}) {
        if (::access(path, R_OK) == 0) return path;
    }
    return {};
}

Expected<void, TlsError> trust(SSL_CTX* context, const std::string& ca_file) {
    const std::string file = ca_file.empty() ? system_bundle() : ca_file;
    const char* const directory = ca_file.empty() ? from_environment(X509_get_default_cert_dir_env()) : nullptr;
    if (directory != nullptr && SSL_CTX_load_verify_dir(context, directory) != 1) {
        return fail(
            TlsError{"cannot use the certificate directory " + std::string(directory) + ": " + openssl_reason()});
    }
    if (file.empty()) {
        if (directory != nullptr) return {};
        return fail(TlsError{"no certificates to trust were found: install ca-certificates, or name a CA file"});
    }
    if (SSL_CTX_load_verify_file(context, file.c_str()) != 1) {
        return fail(TlsError{"cannot use the certificates to trust in " + file + ": " + openssl_reason()});
    }
    return {};
}

}  // namespace

Expected<SslContext, TlsError> make_client_context(const std::string& ca_file) {
    ERR_clear_error();
    SslContext context(SSL_CTX_new(TLS_client_method()));
    if (!context) return fail(TlsError{"cannot set up TLS: " + openssl_reason()});
    SSL_CTX* raw = context.get();
    SSL_CTX_set_min_proto_version(raw, TLS1_2_VERSION);
    SSL_CTX_set_options(raw, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    SSL_CTX_set_mode(raw,
                     SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_read_ahead(raw, 1);
    SSL_CTX_set_session_cache_mode(raw, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_alpn_protos(raw, alpn.data(), alpn.size());
    SSL_CTX_set_verify(raw, SSL_VERIFY_PEER, nullptr);
    // A certificate in the trust store needs no issuer: this is how a self-signed server certificate is trusted.
    X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(raw), X509_V_FLAG_PARTIAL_CHAIN);
    if (auto trusted = trust(raw, ca_file); !trusted) return fail(std::move(trusted).error());
    return context;
}

}  // namespace riacho::http::detail
