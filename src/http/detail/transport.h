// A connected socket, plain or under TLS, as non-blocking reads and writes and the wait for readiness.
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

// The executor is the concrete one: no type erasure between the reactor and a connection.
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

// Lives on one core. One read wait and one write wait may be under way at a time.
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

    // Turns the connection into a TLS one, as its server; received is what was already read from the socket.
    void start_tls(ssl_ctx_st* context, std::string_view received);
    // The same as the client of a server whose certificate must be for that name or address.
    void start_tls_to(ssl_ctx_st* context, const std::string& host);
    // done once the handshake is complete; size is 0.
    IoResult handshake();
    [[nodiscard]] bool secure() const { return tls_ != nullptr; }
    // After a handshake that gave closed: why, as far as OpenSSL says.
    [[nodiscard]] const std::string& tls_failure() const { return tls_failure_; }
    // After the handshake: the client chose h2 by ALPN.
    [[nodiscard]] bool chose_h2() const;

    IoResult read(char* to, std::size_t capacity);
    // Writes as much of head and then body as is taken at once. At least one of the two is not empty.
    IoResult write(std::string_view head, std::string_view body);
    // The same for pieces, of which any may be empty but not all; only the first pieces_max are looked at.
    static constexpr std::size_t pieces_max = 16;
    IoResult write(std::span<const std::string_view> pieces);
    // After a read that gave closed: the peer has ended the stream in order; it was not cut.
    [[nodiscard]] bool ended_in_order() const { return ended_; }
    // Bytes may be readable although the socket itself has none: try to read before waiting.
    [[nodiscard]] bool has_buffered() const;
    // Bytes the kernel holds that the client has not acknowledged.
    [[nodiscard]] int unacknowledged() const;
    // The peer has ended its side, be it only to say that it will send no more, or the connection is broken.
    [[nodiscard]] bool is_peer_gone() const;
    // No more will be written; the client sees the end of the stream.
    void shutdown_send();

    // Complete when the socket is (probably) ready, is broken, or the waits were cancelled.
    auto readable() { return wait(Socket::wait_read); }
    auto writable() { return wait(Socket::wait_write); }
    auto ready(IoState wanted) { return wait(wanted == IoState::want_write ? Socket::wait_write : Socket::wait_read); }
    // Ends waits under way; they complete soon, not inside this call.
    void cancel_waits();
    // Reads and writes give closed from now on, and waits end.
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
