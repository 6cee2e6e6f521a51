#include "http/detail/transport.h"

#include <linux/sockios.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "base/check.h"

namespace riacho::http::detail {
namespace {

IoResult plain_read(int fd, char* to, std::size_t capacity, bool& ended) {
    for (;;) {
        const ssize_t n = ::recv(fd, to, capacity, 0);
        if (n > 0) return {IoState::done, static_cast<std::size_t>(n)};
        ended = n == 0;
        if (n == 0) return {IoState::closed};
        if (errno == EINTR) continue;
        return {errno == EAGAIN || errno == EWOULDBLOCK ? IoState::want_read : IoState::closed};
    }
}

IoResult plain_write(int fd, std::span<const std::string_view> texts) {
    std::array<iovec, Transport::pieces_max> pieces;
    std::size_t count = 0;
    for (const std::string_view piece : texts) {
        if (piece.empty()) continue;
        pieces[count++] = {.iov_base = const_cast<char*>(piece.data()), .iov_len = piece.size()};
        if (count == pieces.size()) break;
    }
    msghdr message{};
    message.msg_iov = pieces.data();
    message.msg_iovlen = count;
    for (;;) {
        const ssize_t n = count == 1 ? ::send(fd, pieces[0].iov_base, pieces[0].iov_len, MSG_NOSIGNAL)
                                     : ::sendmsg(fd, &message, MSG_NOSIGNAL);
        if (n >= 0) return {IoState::done, static_cast<std::size_t>(n)};
        if (errno == EINTR) continue;
        return {errno == EAGAIN || errno == EWOULDBLOCK ? IoState::want_write : IoState::closed};
    }
}

std::string failure_text(const SSL* ssl) {
    const long verdict = SSL_get_verify_result(ssl);
    if (verdict != X509_V_OK) return X509_verify_cert_error_string(verdict);
    const unsigned long code = ERR_peek_error();
    const char* const reason = code == 0 ? nullptr : ERR_reason_error_string(code);
    return reason == nullptr ? "the connection ended during the handshake" : reason;
}

}  // namespace

// Replaces OpenSSL's socket BIO, which writes without MSG_NOSIGNAL and cannot start with bytes that were already
// received.
struct Transport::Tls {
    int fd;
    std::string received;  // passed to OpenSSL before any byte from the socket
    std::size_t received_used = 0;
    SSL* ssl = nullptr;

    static int bio_read(BIO* bio, char* to, int capacity) noexcept {
        auto& self = *static_cast<Tls*>(BIO_get_data(bio));
        BIO_clear_retry_flags(bio);
        if (self.received_used < self.received.size()) {
            const std::size_t n =
                std::min(static_cast<std::size_t>(capacity), self.received.size() - self.received_used);
            std::copy_n(self.received.data() + self.received_used, n, to);
            self.received_used += n;
            if (self.received_used == self.received.size()) std::string().swap(self.received), self.received_used = 0;
            return static_cast<int>(n);
        }
        bool ended = false;
        const IoResult result = plain_read(self.fd, to, static_cast<std::size_t>(capacity), ended);
        if (result.state == IoState::done) return static_cast<int>(result.size);
        if (result.state == IoState::want_read) BIO_set_retry_read(bio);
        return result.state == IoState::want_read ? -1 : 0;
    }
    static int bio_write(BIO* bio, const char* from, int size) noexcept {
        auto& self = *static_cast<Tls*>(BIO_get_data(bio));
        BIO_clear_retry_flags(bio);
        const std::array text{std::string_view(from, static_cast<std::size_t>(size))};
        const IoResult result = plain_write(self.fd, text);
        if (result.state == IoState::done) return static_cast<int>(result.size);
        if (result.state == IoState::want_write) BIO_set_retry_write(bio);
        return -1;
    }
    static long bio_ctrl(BIO*, int command, long, void*) noexcept { return command == BIO_CTRL_FLUSH ? 1 : 0; }
    static BIO_METHOD* method() {
        static BIO_METHOD* const made = [] {
            BIO_METHOD* m = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "socket");
            RIACHO_CHECK(m != nullptr, "OpenSSL is out of memory");
            BIO_meth_set_read(m, bio_read);
            BIO_meth_set_write(m, bio_write);
            BIO_meth_set_ctrl(m, bio_ctrl);
            return m;
        }();
        return made;
    }
};

Transport::Transport(Socket socket) : socket_(std::move(socket)), fd_(socket_.native_handle()) {}

Transport::~Transport() {
    if (tls_) SSL_free(tls_->ssl);
}

void Transport::make_tls(ssl_ctx_st* context, std::string_view received) {
    RIACHO_CHECK(!tls_);
    tls_ = std::make_unique<Tls>();
    tls_->fd = fd_;
    tls_->received = received;
    tls_->ssl = SSL_new(context);
    BIO* bio = BIO_new(Tls::method());
    RIACHO_CHECK(tls_->ssl != nullptr && bio != nullptr, "OpenSSL is out of memory");
    BIO_set_data(bio, tls_.get());
    BIO_set_init(bio, 1);
    SSL_set_bio(tls_->ssl, bio, bio);
}

void Transport::start_tls(ssl_ctx_st* context, std::string_view received) {
    make_tls(context, received);
    SSL_set_accept_state(tls_->ssl);
}

void Transport::start_tls_to(ssl_ctx_st* context, const std::string& host) {
    make_tls(context, {});
    SSL_set_connect_state(tls_->ssl);
    X509_VERIFY_PARAM* const verify = SSL_get0_param(tls_->ssl);
    // An address is compared with the certificate's addresses and not sent as server name (RFC 6066 section 3).
    if (X509_VERIFY_PARAM_set1_ip_asc(verify, host.c_str()) == 1) return;
    X509_VERIFY_PARAM_set_hostflags(verify, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    const bool named = X509_VERIFY_PARAM_set1_host(verify, host.c_str(), host.size()) == 1 &&
                       SSL_set_tlsext_host_name(tls_->ssl, host.c_str()) == 1;
    RIACHO_CHECK(named, "OpenSSL is out of memory");
}

IoResult Transport::tls_result(int returned) {
    switch (SSL_get_error(tls_->ssl, returned)) {
        case SSL_ERROR_WANT_READ:
            return {IoState::want_read};
        case SSL_ERROR_WANT_WRITE:
            return {IoState::want_write};
        case SSL_ERROR_ZERO_RETURN:
            ended_ = true;
            [[fallthrough]];
        default:
            closed_ = true;
            return {IoState::closed};
    }
}

IoResult Transport::handshake() {
    if (closed_) return {IoState::closed};
    ERR_clear_error();
    const int returned = SSL_do_handshake(tls_->ssl);
    if (returned == 1) return {IoState::done};
    const IoResult result = tls_result(returned);
    if (result.state == IoState::closed) tls_failure_ = failure_text(tls_->ssl);
    return result;
}

bool Transport::chose_h2() const {
    const unsigned char* name = nullptr;
    unsigned size = 0;
    SSL_get0_alpn_selected(tls_->ssl, &name, &size);
    return size == 2 && std::memcmp(name, "h2", 2) == 0;
}

IoResult Transport::read(char* to, std::size_t capacity) {
    if (closed_) return {IoState::closed};
    if (!tls_) return plain_read(fd_, to, capacity, ended_);
    ERR_clear_error();
    std::size_t size = 0;
    const int returned = SSL_read_ex(tls_->ssl, to, capacity, &size);
    if (returned == 1) return {IoState::done, size};
    return tls_result(returned);
}

IoResult Transport::write(std::string_view head, std::string_view body) {
    const std::array pieces{head, body};
    return write(pieces);
}

IoResult Transport::write(std::span<const std::string_view> pieces) {
    if (closed_) return {IoState::closed};
    if (!tls_) return plain_write(fd_, pieces);
    std::size_t total = 0;
    for (const std::string_view piece : pieces.first(std::min(pieces.size(), pieces_max))) {
        std::string_view rest = piece;
        while (!rest.empty()) {
            ERR_clear_error();
            std::size_t size = 0;
            const int returned = SSL_write_ex(tls_->ssl, rest.data(), rest.size(), &size);
            if (returned != 1) {
                const IoResult result = tls_result(returned);
                return total > 0 && result.state != IoState::closed ? IoResult{IoState::done, total} : result;
            }
            rest.remove_prefix(size);
            total += size;
        }
    }
    return {IoState::done, total};
}

bool Transport::has_buffered() const { return tls_ && SSL_has_pending(tls_->ssl) == 1; }

int Transport::unacknowledged() const {
    int bytes = 0;
    return ::ioctl(fd_, SIOCOUTQ, &bytes) == 0 ? bytes : 0;
}

bool Transport::is_peer_gone() const {
    if (closed_) return true;
    // Also behind bytes that nobody has read, such as the last ones of a TLS connection.
    pollfd asked{.fd = fd_, .events = POLLRDHUP, .revents = 0};
    return ::poll(&asked, 1, 0) == 1 && (asked.revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0;
}

void Transport::shutdown_send() {
    if (closed_) return;
    if (tls_) {
        ERR_clear_error();
        SSL_shutdown(tls_->ssl);
    }
    ::shutdown(fd_, SHUT_WR);
}

void Transport::cancel_waits() {
    boost::system::error_code ignored;
    socket_.cancel(ignored);
}

void Transport::close() {
    if (closed_) return;
    closed_ = true;
    ::shutdown(fd_, SHUT_RDWR);
    cancel_waits();
}

}  // namespace riacho::http::detail
