// The outbound HTTP/1.1 client: pooled connections, verified TLS, proxies. Every call has a deadline and a bound for
// its reply, and a failure says whether the server may have seen the request.
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

// Which proxy a URL is fetched through. Loopback hosts never use one.
struct ProxyOptions {
    std::string http_proxy;   // for http:// URLs: "http://[user:password@]host:port", or "host:port"; empty: none
    std::string https_proxy;  // for https:// URLs, through CONNECT
    // Hosts without a proxy, separated by commas: a name (itself and all below it), ".name" (all below it), an address,
    // a network such as 10.0.0.0/8, each with an optional ":port"; "*" for all.
    std::string no_proxy;
};
// HTTP_PROXY, HTTPS_PROXY and NO_PROXY; the names in lower case come first.
ProxyOptions proxies_from_environment();

// Addresses that a call may connect to, judged after the name was resolved. A proxy's address is not judged.
enum class AddressRule : std::uint8_t {
    any,
    no_link_local,  // nor the metadata services of clouds: 169.254.0.0/16, fe80::/10, fd00:ec2::254
    public_only     // nor loopback and private networks
};

struct ClientOptions {
    std::string ca_file;  // PEM certificates to trust instead of the system's; read at the first https call
    ProxyOptions proxies;
    AddressRule addresses = AddressRule::any;
    std::size_t connections_per_host_max = 32;  // on each core; more calls wait for one of them
    std::int64_t idle_timeout_ms = 50'000;      // how long an unused connection is kept
    std::int64_t dns_ttl_ms = 30'000;           // how long addresses of a name are used
};

// Why a call has no reply.
enum class SendFault : std::uint8_t {
    bad_request,        // the URL, the method or the proxy setting cannot be used
    resolve,            // the host's name has no address
    refused,            // nothing listens at the host's port
    connect,            // no connection for another reason: unreachable, not allowed, or the proxy refused it
    tls,                // the handshake failed, or the certificate is not to be trusted
    reset_before_sent,  // the connection ended before the first byte of the request was handed to it
    reset,              // the connection ended after that, before the reply was complete
    timeout,            // the time for connecting, for the whole call or without progress is over
    too_large,          // the reply's head, or its body, exceeds its bound
    protocol,           // the reply is not HTTP/1.1
    stopped             // ended by this side: the client was stopped, or a producer or a sink ended early
};
std::string_view name_of(SendFault fault);

struct SendError {
    SendFault fault = SendFault::protocol;
    // True: at least one byte of the request left this process, and the server may have acted on it (ambiguous).
    // False: the server has certainly not acted on it.
    bool sent = false;
    std::string message;  // a sentence that names the host
};

struct ClientReply {
    int status = 0;
    HeaderList headers;  // names in lower case
    Buffer body;
};

// Takes the body of a 2xx reply piece by piece, each valid until the task ends; the connection is not read meanwhile.
// False ends the call with SendFault::stopped. The reply's status and headers are set, its body stays empty.
using ReplySink = std::function<Task<bool>(const ClientReply& reply, std::string_view piece)>;

struct ClientRequest {
    std::string method = "GET";
    std::string url;  // see parse_url()
    // Names in lower case. host, content-length, transfer-encoding and connection are the client's own: do not add
    // them.
    HeaderList headers;

    // The body: pieces that are sent one after another without a copy. The caller keeps them until the call has ended,
    // or hands over what does (body_owner).
    std::vector<std::string_view> body;
    std::shared_ptr<const void> body_owner;
    // A body made while it is sent, instead of `body`. Runs on the call's core, at most once. With producer_size it
    // must write exactly so many bytes; without it the body is sent in chunks.
    BodyProducer producer;
    std::optional<std::uint64_t> producer_size;

    // Bodies of 2xx replies go here instead of into ClientReply::body; those of other replies never do.
    ReplySink sink;
    // The largest body of a reply, also for a sink.
    std::size_t reply_size_max = std::size_t{1} << 20;

    std::int64_t connect_timeout_ms = 5'000;  // name, connection, proxy and handshake together
    std::int64_t total_timeout_ms = 180'000;  // 0: none
    std::int64_t idle_timeout_ms = 0;         // without a byte moving (up to twice as long may pass); 0: none
    // A pooled connection may have been closed by its server just when the request was sent. The call is then made once
    // more on a new connection if nothing was sent, if the method is idempotent (GET, HEAD, PUT, DELETE, OPTIONS), or
    // if this is set, for a POST that may take effect twice.
    bool repeatable = false;
};

// Counted since start, except those that say otherwise.
struct ClientStats {
    std::uint64_t calls = 0;
    std::uint64_t failed = 0;  // calls without a reply
    std::uint64_t connections_made = 0;
    std::uint64_t connections_reused = 0;
    std::uint64_t connections_open = 0;  // now
};

// Owned by the composition root and shared by all callers. Connections are pooled on the core of the call they were
// made for. Host names are looked up, and certificates read, on threads of the client's own, which start at first use.
// No redirect is followed. Destroyed before the runtime is stopped.
class Client {
public:
    Client(ClientOptions options, core::Runtime& runtime, core::Clock& clock);
    // Stops the calls under way and waits for them.
    ~Client();
    Client(const Client&) = delete;
    Client& operator=(const Client&) = delete;

    // A reply of any status, or why there is none. To be called on `core`, where the call also ends.
    Task<Expected<ClientReply, SendError>> send(core::Core& core, ClientRequest request);
    // The same for a thread that is not a core, which waits for the reply. The runtime must be running.
    Expected<ClientReply, SendError> send_and_wait(ClientRequest request);

    // Calls under way end with SendFault::stopped, later ones begin and end so. Returns when all have ended. Not to be
    // called on a core. Idempotent.
    void stop();

    // Thread-safe.
    [[nodiscard]] ClientStats stats() const;

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace riacho::http
