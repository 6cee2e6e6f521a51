#include "http/detail/tls_context.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <array>
#include <cstring>
#include <string>

#include "core/log.h"

namespace riacho::http::detail {
namespace {

constexpr std::int64_t lifetime_ns = 12LL * 3600 * 1'000'000'000;

// Chooses h2 if the client offers it, else http/1.1; without either offer the handshake goes on without ALPN.
int choose_protocol(SSL*, const unsigned char** chosen, unsigned char* chosen_size, const unsigned char* offered,
                    unsigned offered_size, void*) noexcept {
    for (const std::string_view wanted : {std::string_view("h2"), std::string_view("http/1.1")}) {
        for (unsigned at = 0; at < offered_size;) {
            const unsigned size = offered[at];
            if (at + 1 + size > offered_size) return SSL_TLSEXT_ERR_NOACK;
            if (size == wanted.size() && std::memcmp(offered + at + 1, wanted.data(), size) == 0) {
                *chosen = offered + at + 1;
                *chosen_size = static_cast<unsigned char>(size);
                return SSL_TLSEXT_ERR_OK;
            }
            at += 1 + size;
        }
    }
    return SSL_TLSEXT_ERR_NOACK;
}

}  // namespace

std::string openssl_reason() {
    std::array<char, 256> text{};
    const unsigned long code = ERR_get_error();
    if (code == 0) return "unknown error";
    ERR_error_string_n(code, text.data(), text.size());
    ERR_clear_error();
    return text.data();
}

void SslContextFree::operator()(ssl_ctx_st* context) const noexcept { SSL_CTX_free(context); }

Expected<SslContext, TlsError> make_ssl_context(const TlsOptions& files) {
    ERR_clear_error();
    SslContext context(SSL_CTX_new(TLS_server_method()));
    if (!context) return fail(TlsError{"cannot set up TLS: " + openssl_reason()});
    SSL_CTX* raw = context.get();
    SSL_CTX_set_min_proto_version(raw, TLS1_2_VERSION);
    // For TLS 1.2; all cipher suites of TLS 1.3 are of this kind: forward secrecy, and no CBC, whose padding has been
    // attacked.
    SSL_CTX_set_cipher_list(raw, "ECDHE+AESGCM:ECDHE+CHACHA20");
    SSL_CTX_set_options(raw, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE);
    SSL_CTX_set_mode(raw,
                     SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_read_ahead(raw, 1);
    // Resumption is by tickets only; clients could fill the memory of a session cache.
    SSL_CTX_set_session_cache_mode(raw, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_max_early_data(raw, 0);
    SSL_CTX_set_alpn_select_cb(raw, choose_protocol, nullptr);
    if (SSL_CTX_use_certificate_chain_file(raw, files.cert_path.c_str()) != 1) {
        return fail(TlsError{"cannot use the certificate " + files.cert_path + ": " + openssl_reason()});
    }
    if (SSL_CTX_use_PrivateKey_file(raw, files.key_path.c_str(), SSL_FILETYPE_PEM) != 1) {
        return fail(TlsError{"cannot use the private key " + files.key_path + ": " + openssl_reason()});
    }
    if (SSL_CTX_check_private_key(raw) != 1) {
        return fail(
            TlsError{"the private key " + files.key_path + " is not that of the certificate " + files.cert_path});
    }
    return context;
}

TlsContext::TlsContext(TlsOptions files, SslContext first, MonotonicNs now)
    : files_(std::move(files)), current_(std::move(first)), made_at_(now) {}

ssl_ctx_st* TlsContext::get(MonotonicNs now) {
    if (now.value() - made_at_.value() < lifetime_ns) return current_.get();
    made_at_ = now;
    if (auto next = make_ssl_context(files_)) {
        current_ = *std::move(next);
    } else {
        core::log_line(core::LogLevel::warn, "tls certificate not reloaded", {{"error", next.error().message}});
    }
    return current_.get();
}

}  // namespace riacho::http::detail

namespace riacho::http {

Expected<void, TlsError> check_certificate(const TlsOptions& paths) {
    const auto context = detail::make_ssl_context(paths);
    if (!context) return fail(context.error());
    return {};
}

}  // namespace riacho::http
