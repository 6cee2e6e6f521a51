// Transport: a connected socket, plain or with TLS: non-blocking reads and writes, and waits for readiness.
#pragma once

#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "core/task.h"

struct ssl_st;
struct ssl_ctx_st;

namespace riacho::http::detail {

// The executor type is concrete, which avoids type erasure between the reactor and a connection.
using Socket = boost::asio::basic_stream_socket<boost::asio::ip::tcp, boost::asio::io_context::executor_type>;

enum class IoState : std::uint8_t {
    done,        // size bytes moved, at least one
    want_read,   // nothing moved: wait until readable
    want_write,  // nothing moved: wait until writable
    closed       // end of stream or broken; nothing more will move
};
struct IoResult {
    IoState state;
    std::size_t size = 0;
};

// Lives on one core. One read wait and one write wait may be in progress at a time.
class Transport {
    auto wait(Socket::wait_type what) {
        return core::suspend([this, what](core::Wakeup& wakeup) {
            socket_.async_wait(what, [&wakeup](const boost::system::error_code&) { wakeup.run(); });
        });
    }

public:
    explicit Transport(Socket socket);
    ~Transport();
    Transport(const Transport&) = delete;
    Transport& operator=(const Transport&) = delete;

    // Starts TLS as the server; received: bytes already read from the socket.
    void start_tls(ssl_ctx_st* context, std::string_view received);
    // Starts TLS as the client of a server whose certificate must be valid for that name or address.
    void start_tls_to(ssl_ctx_st* context, const std::string& host);
    // done once the handshake is complete; size is 0.
    IoResult handshake();
    [[nodiscard]] bool secure() const { return tls_ != nullptr; }
    // The reason of a handshake that returned closed, as far as OpenSSL reports it.
    [[nodiscard]] const std::string& tls_failure() const { return tls_failure_; }
    // After the handshake: the client chose h2 by ALPN.
    [[nodiscard]] bool chose_h2() const;

    IoResult read(char* to, std::size_t capacity);
    // Writes as much of head and then body as the socket takes at once. At least one of them is not empty.
    IoResult write(std::string_view head, std::string_view body);
    // As above, for pieces, of which some but not all may be empty; at most pieces_max of them are written.
    static constexpr std::size_t pieces_max = 16;
    IoResult write(std::span<const std::string_view> pieces);
    // After a read that returned closed: the peer ended the stream in order; it was not cut.
    [[nodiscard]] bool ended_in_order() const { return ended_; }
    // Whether bytes may be readable although the socket has none: then read before waiting.
    [[nodiscard]] bool has_buffered() const;
    // Number of sent bytes that the client has not acknowledged.
    [[nodiscard]] int unacknowledged() const;
    // The peer has ended its side, be it only to say that it will send no more, or the connection is broken.
    [[nodiscard]] bool is_peer_gone() const;
    // No more will be written; the client sees the end of the stream.
    void shutdown_send();

    // Completes when the socket is (probably) ready, is broken, or the waits were cancelled.
    auto readable() { return wait(Socket::wait_read); }
    auto writable() { return wait(Socket::wait_write); }
    auto ready(IoState wanted) { return wait(wanted == IoState::want_write ? Socket::wait_write : Socket::wait_read); }
    // Ends the waits in progress; they complete soon, not inside this call.
    void cancel_waits();
    // Reads and writes return closed from now on, and waits end.
    void close();

private:
    struct Tls;

    void make_tls(ssl_ctx_st* context, std::string_view received);
    IoResult tls_result(int returned);

    Socket socket_;
    int fd_;
    std::unique_ptr<Tls> tls_;
    std::string tls_failure_;
    bool closed_ = false;
    bool ended_ = false;
};

}  // namespace riacho::http::detail
