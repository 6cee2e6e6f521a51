// Connection: one accepted connection. It detects the protocol, does the TLS handshake and then serves HTTP/1.1 or
// HTTP/2 to its end.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "core/task.h"
#include "http/detail/transport.h"
#include "http/detail/worker.h"

namespace riacho::http::detail {

// The kinds of waits that have a deadline.
enum class Deadline : std::uint8_t { none, handshake, head, idle, body, write, linger };

// Events that the protocol of a connection receives.
class Protocol {
public:
    // Called at each sweep, before deadlines are checked.
    virtual void on_sweep(MonotonicNs now) = 0;
    // Called when the server begins to stop.
    virtual void on_stop() = 0;

protected:
    ~Protocol() = default;
};

// Is notified when the connection has ended; the accepting core counts connections per address with it.
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

    // The connection has span_ms from now for the step that the deadline names; after that its waits are cancelled and
    // expired() returns the deadline.
    void set_deadline(Deadline what, std::int64_t span_ms);
    void clear_deadline() { deadline_ = Deadline::none; }
    [[nodiscard]] Deadline deadline() const { return deadline_; }
    [[nodiscard]] Deadline expired() const { return expired_; }
    // Allows waits again after a deadline, for instance to send an error response.
    void clear_expired() { expired_ = Deadline::none; }
    // Sets the deadline of a blocked write: the client must take some bytes in every span of write_timeout_ms.
    void watch_write();
    // Ends the waits as if this deadline had passed.
    void expire(Deadline what);

    // Total of the bytes that write_all has written to the socket.
    [[nodiscard]] std::uint64_t written() const { return written_; }
    // Writes all of data; false if the connection broke or its client stopped reading.
    Task<bool> write_all(std::string_view data);
    // Writes the pieces one after another; modifies the array.
    Task<bool> write_all(std::span<std::string_view> pieces);
    // Shuts down sending and reads for a while the bytes that the client still sends: closing at once would destroy the
    // last response before the client has read it.
    Task<void> linger();

private:
    friend class Worker;
    enum class First : std::uint8_t { unknown, tls, http1, http2, refused };

    Task<void> run();
    Task<bool> shake_hands(std::string received);
    // Reads until the first bytes identify the protocol.
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
    std::string received_;  // the first bytes, until the protocol is known
    Deadline deadline_ = Deadline::none;
    Deadline expired_ = Deadline::none;
    std::int64_t deadline_ns_ = 0;
    int unacknowledged_ = 0;  // bytes that the client had not acknowledged when the write deadline was set
    std::uint64_t written_ = 0;
    Connection* previous_ = nullptr;
    Connection* next_ = nullptr;
};

}  // namespace riacho::http::detail
