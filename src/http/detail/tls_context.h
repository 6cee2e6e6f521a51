// The OpenSSL context behind TLS connections.
#pragma once

#include <memory>
#include <string>

#include "base/result.h"
#include "base/time.h"
#include "http/tls.h"

struct ssl_ctx_st;

namespace riacho::http::detail {

struct SslContextFree {
    void operator()(ssl_ctx_st* context) const noexcept;
};
using SslContext = std::unique_ptr<ssl_ctx_st, SslContextFree>;

// The oldest error in this thread's OpenSSL error queue; empties the queue.
std::string openssl_reason();

// TLS 1.2 and 1.3, ALPN h2 and http/1.1, no renegotiation, no 0-RTT.
Expected<SslContext, TlsError> make_ssl_context(const TlsOptions& files);

// The TLS context of one core. It is reloaded from the files every twelve hours, which also changes the key of session
// tickets.
class TlsContext {
public:
    TlsContext(TlsOptions files, SslContext first, MonotonicNs now);
    // Never nullptr: if the files have become unusable the previous context stays.
    ssl_ctx_st* get(MonotonicNs now);

private:
    TlsOptions files_;
    SslContext current_;
    MonotonicNs made_at_;
};

}  // namespace riacho::http::detail
