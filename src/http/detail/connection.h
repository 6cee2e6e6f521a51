// One accepted connection: tells the protocols apart, does the TLS handshake and then is HTTP/1.1 or HTTP/2 to its end.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "core/task.h"
#include "http/detail/transport.h"
#include "http/detail/worker.h"

namespace riacho::http::detail {

// What a connection waits for, and how long it may.
enum class Deadline : std::uint8_t { none, handshake, head, idle, body, write, linger };

// What the protocol on a connection wants to hear about.
class Protocol {
public:
    // At each sweep, before deadlines are looked at.
    virtual void on_sweep(MonotonicNs now) = 0;
    // The server is stopping.
    virtual void on_stop() = 0;

protected:
    ~Protocol() = default;
};

// Told when the connection has ended; the accepting core counts connections per address with it.
class ConnectionOwner {
public:
    virtual void on_ended() noexcept = 0;

protected:
    ~ConnectionOwner() = default;
};

// Lives on the worker's core and deletes itself at the end of serve(). All its coroutines end before that.
class Connection {
public:
    Connection(Worker& worker, Socket socket, std::string peer, ConnectionOwner& owner);
    ~Connection();

    // Serves the connection to its end, then deletes it.
    static Task<void> serve(Connection* connection);

    [[nodiscard]] Worker& worker() { return worker_; }
    [[nodiscard]] Transport& transport() { return transport_; }
    [[nodiscard]] std::string_view peer() const { return peer_; }

    // From now on the connection has span_ms to do what the deadline is about; then its waits are cancelled and
    // expired() tells which deadline it was.
    void set_deadline(Deadline what, std::int64_t span_ms);
    void clear_deadline() { deadline_ = Deadline::none; }
    [[nodiscard]] Deadline deadline() const { return deadline_; }
    [[nodiscard]] Deadline expired() const { return expired_; }
    // To go on after a deadline, for instance to answer it.
    void clear_expired() { expired_ = Deadline::none; }
    // Watches a write that waits: the client must take something in every span of write_timeout_ms.
    void watch_write();
    // Ends the waits as if the deadline had passed.
    void expire(Deadline what);

    // Bytes that write_all has handed to the socket, since the beginning.
    [[nodiscard]] std::uint64_t written() const { return written_; }
    // Writes all of it; false if the connection broke or its client stopped reading.
    Task<bool> write_all(std::string_view data);
    // The same for pieces one after another, of which the array is used up.
    Task<bool> write_all(std::span<std::string_view> pieces);
    // Ends our side and reads what the client still sends, for a while: closing at once would destroy the last response
    // before the client has read it.
    Task<void> linger();

private:
    friend class Worker;
    enum class First : std::uint8_t { unknown, tls, http1, http2, refused };

    Task<void> run();
    Task<bool> shake_hands(std::string received);
    // Reads until the first bytes tell the protocol.
    Task<First> tell_protocol();
    Task<void> run_protocol(First first);
    void sweep(MonotonicNs now);
    void stop();
    void count_expired(Deadline what);
    [[nodiscard]] bool is_client_reading() const;

    Worker& worker_;
    Transport transport_;
    std::string peer_;
    ConnectionOwner& owner_;
    Protocol* protocol_ = nullptr;
    std::string received_;  // the first bytes, until their protocol is known
    Deadline deadline_ = Deadline::none;
    Deadline expired_ = Deadline::none;
    std::int64_t deadline_ns_ = 0;
    int unacknowledged_ = 0;  // when the write deadline was set
    std::uint64_t written_ = 0;
    Connection* previous_ = nullptr;
    Connection* next_ = nullptr;
};

}  // namespace riacho::http::detail
