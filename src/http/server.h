// Server: HTTP/1.1, HTTP/2 with prior knowledge and TLS on one port, distinguished by the first bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/result.h"
#include "core/fwd.h"
#include "http/fwd.h"
#include "http/tls.h"

namespace riacho::http {

// All limits of the server. Times in milliseconds, sizes in bytes.
struct ServerOptions {
    std::string address = "127.0.0.1";  // an IP address, or "localhost"
    std::uint16_t port = 0;             // 0: any free port
    std::optional<TlsOptions> tls;      // without it TLS clients are refused

    // Connections. Above connections_max a new connection is closed; above the accept rate it waits.
    std::size_t connections_max = 10'000;
    std::int64_t full_wait_ms = 3'000;  // wait at the cap, after which a new connection is closed
    std::size_t connections_per_address_max = 512;
    std::size_t fd_reserve = 256;  // file descriptors of the process that connections never use
    std::uint32_t accept_rate = 1'000;
    std::uint32_t accept_burst = 2'000;
    std::uint32_t tls_handshake_rate = 200;
    std::uint32_t tls_handshake_burst = 400;
    std::uint64_t requests_per_connection_max = 1'000'000;

    // Slow clients.
    std::int64_t tls_handshake_timeout_ms = 10'000;
    std::int64_t head_timeout_ms = 10'000;  // from the first to the last byte of the head
    std::int64_t idle_timeout_ms = 75'000;
    std::int64_t body_timeout_ms = 120'000;
    std::int64_t body_grace_ms = 10'000;  // after it, the average in each window must reach body_rate_min
    std::int64_t body_rate_window_ms = 10'000;
    std::int64_t body_rate_min = 1'024;      // bytes per second
    std::int64_t write_timeout_ms = 30'000;  // time without progress while data waits
    std::int64_t linger_timeout_ms = 2'000;  // how long bytes that a refused client still sends are read and dropped
    std::int64_t sweep_interval_ms = 250;    // precision of the times above

    // Heads.
    std::size_t request_line_size_max = 8 * 1024;
    std::size_t header_block_size_max = 32 * 1024;  // HTTP/1.1: lines with line ends; HTTP/2: RFC 9113's list size
    std::size_t header_size_max = 16 * 1024;        // one field
    std::size_t header_count_max = 100;
    std::size_t chunk_extension_size_max = 256;

    // Memory. Memory that clients occupy is taken from the MemoryBudget; a request for which there is none is answered
    // with 503 (Handler::overloaded).
    std::size_t body_size_small = std::size_t{1} << 20;  // larger bodies have a share of their own
    std::int64_t body_wait_ms = 10'000;                  // how long an unread body waits for memory
    std::int64_t call_wait_ms = 5'000;                   // how long a request waits for its handler's memory
    // A larger response for which its share has no memory is replaced by a 503 before it begins. A smaller response is
    // counted once it has to wait for its client (HTTP/1.1), or from 4 KiB on (HTTP/2); without memory the connection
    // is closed, or the stream reset.
    std::size_t response_size_small = std::size_t{128} << 10;
    // While a share is scarce, holders of its memory have to move fast enough to finish within this time.
    std::int64_t scarce_span_ms = 30'000;
    std::int64_t scarce_grace_ms = 2'000;
    std::size_t requests_in_progress_max = 10'000;  // concurrent calls of Handler::handle, over all cores

    // HTTP/2.
    std::uint32_t h2_streams_max = 512;
    std::uint32_t h2_stream_window = 1 << 20;
    std::uint32_t h2_connection_window = 16 << 20;
    std::uint32_t h2_header_table_size = 4'096;
    std::uint32_t h2_continuations_max = 8;
    std::uint32_t h2_outbound_acks_max = 1'000;
    std::uint32_t h2_settings_max = 32;
    std::uint32_t h2_reset_burst = 1'000;  // streams cancelled by the client
    std::uint32_t h2_reset_rate = 33;      // per second
    // The connection is ended when more than this many streams are cancelled in one window while fewer than a tenth as
    // many complete.
    std::uint32_t h2_cancelled_max = 200;
    std::int64_t h2_cancelled_window_ms = 10'000;
};

struct ListenError {
    enum class Kind : std::uint8_t { bad_address, address_in_use, not_permitted, certificate, other };
    Kind kind;
    std::string message;
};

// Counters since start, except where noted.
struct ServerStats {
    std::uint64_t connections_open = 0;  // current value
    std::uint64_t connections_accepted = 0;
    std::uint64_t connections_tls = 0;
    std::uint64_t connections_h2 = 0;
    std::uint64_t requests = 0;
    std::uint64_t body_bytes_held = 0;      // current value; of bodies and large bodies
    std::uint64_t response_bytes_held = 0;  // current value; of replies and small replies
    // Refusals, by reason.
    std::uint64_t refused_connections_max = 0;
    std::uint64_t refused_per_address = 0;
    std::uint64_t accept_delayed = 0;
    std::uint64_t tls_failed = 0;
    std::uint64_t timeout_handshake = 0;
    std::uint64_t timeout_head = 0;
    std::uint64_t timeout_idle = 0;
    std::uint64_t timeout_body = 0;
    std::uint64_t timeout_write = 0;
    std::uint64_t head_too_large = 0;
    std::uint64_t body_too_large = 0;
    std::uint64_t bad_request = 0;
    std::uint64_t shed = 0;
    std::uint64_t h2_protocol_errors = 0;
    std::uint64_t h2_floods = 0;
    std::uint64_t handler_exceptions = 0;
    std::uint64_t sweeps = 0;  // number of sweeps, over all cores
};

// Owned by the composition root, which keeps the runtime, the clock, the handler and the budget alive until the server
// is destroyed. Constructed, started, stopped and destroyed on one thread that is not a core. A connection and all its
// streams live on the core it was assigned to: the core with the fewest connections.
class Server {
public:
    Server(ServerOptions options, core::Runtime& runtime, core::Clock& clock, Handler& handler,
           core::MemoryBudget& memory);
    // The server must be stopped, or must never have listened.
    ~Server();
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;

    // Binds and begins to accept; the runtime may be started before or after.
    Expected<void, ListenError> listen();
    // The port in use, after listen().
    [[nodiscard]] std::uint16_t port() const;

    // Stops accepting, closes idle connections, notifies the others (Connection: close, GOAWAY) and returns when all
    // have ended. After grace_ms the sockets of requests still running are closed; the handlers' tasks are still
    // awaited. The runtime must be running. Idempotent.
    void stop(std::int64_t grace_ms);

    // Thread-safe.
    [[nodiscard]] ServerStats stats() const;

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace riacho::http
