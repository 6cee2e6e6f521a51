// Client: the outbound HTTP/1.1 client, with pooled connections, verified TLS and proxies. Every call has a deadline
// and a bound for its reply, and an error states whether the server may have received the request.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/buffer.h"
#include "base/result.h"
#include "core/fwd.h"
#include "core/task_fwd.h"
#include "http/message.h"
#include "http/url.h"

namespace riacho::http {

// The proxy settings. Loopback hosts never use a proxy.
struct ProxyOptions {
    std::string http_proxy;   // for http:// URLs: "http://[user:password@]host:port", or "host:port"; empty: none
    std::string https_proxy;  // for https:// URLs, through CONNECT
    // Hosts called without a proxy, separated by commas: a name (matches itself and its subdomains), ".name"
    // (subdomains only), an address, a network such as 10.0.0.0/8, each with an optional ":port"; "*" for all.
    std::string no_proxy;
};
// Reads HTTP_PROXY, HTTPS_PROXY and NO_PROXY; the lower-case names take precedence.
ProxyOptions proxies_from_environment();

// Addresses that a call may connect to, checked after name resolution. A proxy's address is not checked.
enum class AddressRule : std::uint8_t {
    any,
    no_link_local,  // not link-local addresses and cloud metadata services: 169.254.0.0/16, fe80::/10, fd00:ec2::254
    public_only     // moreover no loopback addresses and private networks
};

struct ClientOptions {
    std::string ca_file;  // PEM certificates to trust instead of the system's; read at the first https call
    ProxyOptions proxies;
    AddressRule addresses = AddressRule::any;
    std::size_t connections_per_host_max = 32;  // on each core; further calls wait for a connection
    std::int64_t idle_timeout_ms = 50'000;      // how long an unused connection is kept
    std::int64_t dns_ttl_ms = 30'000;           // how long addresses of a name are used
};

// Reasons for which a call has no reply.
enum class SendFault : std::uint8_t {
    bad_request,        // the URL, the method or the proxy setting is invalid
    resolve,            // the host's name has no address
    refused,            // nothing listens at the host's port
    connect,            // no connection for another reason: unreachable, not allowed, or refused by the proxy
    tls,                // the handshake failed, or the certificate is not trusted
    reset_before_sent,  // the connection ended before the first byte of the request was written to it
    reset,              // the connection ended after that, before the reply was complete
    timeout,            // the connect, total or idle timeout has expired
    too_large,          // the reply's head or its body exceeds its bound
    protocol,           // the reply is not HTTP/1.1
    stopped             // ended on this side: the client was stopped, or a producer or a sink ended early
};
std::string_view name_of(SendFault fault);

struct SendError {
    SendFault fault = SendFault::protocol;
    // True: at least one byte of the request was written to the connection, and the server may have acted on it
    // (ambiguous). False: the server has certainly not acted on it.
    bool sent = false;
    std::string message;  // a sentence that names the host
};

struct ClientReply {
    int status = 0;
    HeaderList headers;  // names in lower case
    Buffer body;
};

// Consumes the body of a 2xx reply piece by piece, each valid until the task ends; the connection is not read
// meanwhile. A false result ends the call with SendFault::stopped. The reply's status and headers are set, its body
// stays empty.
using ReplySink = std::function<Task<bool>(const ClientReply& reply, std::string_view piece)>;

struct ClientRequest {
    std::string method = "GET";
    std::string url;  // see parse_url()
    // Names in lower case. The client adds host, content-length, transfer-encoding and connection itself: do not add
    // them.
    HeaderList headers;

    // The body: pieces that are sent one after another without a copy. The caller keeps them alive until the call has
    // ended, or passes their owner in body_owner.
    std::vector<std::string_view> body;
    std::shared_ptr<const void> body_owner;
    // Writes the body while it is sent; replaces `body`. Runs on the call's core, at most once. With producer_size it
    // must write exactly that many bytes; without it the body is sent in chunks.
    BodyProducer producer;
    std::optional<std::uint64_t> producer_size;

    // Receives the bodies of 2xx replies instead of ClientReply::body; bodies of other replies never go to the sink.
    ReplySink sink;
    // The maximum size of a reply's body, also with a sink.
    std::size_t reply_size_max = std::size_t{1} << 20;

    std::int64_t connect_timeout_ms = 5'000;  // covers name resolution, connection, proxy and handshake together
    std::int64_t total_timeout_ms = 180'000;  // 0: none
    std::int64_t idle_timeout_ms = 0;         // span without a byte moving (up to twice as long may pass); 0: none
    // A server may close a pooled connection just when a request is sent on it. If such a connection ends without a
    // byte of a reply, the call is made again on another connection, provided that no byte was sent, or the method is
    // idempotent (GET, HEAD, PUT, DELETE, OPTIONS), or this flag allows it for a POST, which may then take effect
    // twice. A call whose producer has started is not repeated.
    bool repeatable = false;
};

// Counters since start, except where noted.
struct ClientStats {
    std::uint64_t calls = 0;
    std::uint64_t failed = 0;  // calls without a reply
    std::uint64_t connections_made = 0;
    std::uint64_t connections_reused = 0;
    std::uint64_t connections_open = 0;  // current value
};

// Owned by the composition root and shared by all callers. A pooled connection stays on the core of the call that
// opened it. Host names are resolved, and certificates read, on the client's own threads, which start at first use.
// Redirects are not followed. Must be destroyed before the runtime is stopped.
class Client {
public:
    Client(ClientOptions options, core::Runtime& runtime, core::Clock& clock);
    // Stops the calls in progress and waits for them.
    ~Client();
    Client(const Client&) = delete;
    Client& operator=(const Client&) = delete;

    // Returns a reply of any status, or the reason for its absence. Must be called on `core`, where the call also ends.
    Task<Expected<ClientReply, SendError>> send(core::Core& core, ClientRequest request);
    // As send(), for a thread that is not a core; blocks until the reply. The runtime must be running.
    Expected<ClientReply, SendError> send_and_wait(ClientRequest request);

    // Ends the calls in progress, and every later call, with SendFault::stopped. Returns when all calls have ended.
    // Must not be called on a core. Idempotent.
    void stop();

    // Thread-safe.
    [[nodiscard]] ClientStats stats() const;

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace riacho::http
