// Opens a connection: addresses, connect, CONNECT through a proxy, TLS.
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/asio/ip/tcp.hpp>
#include <cerrno>
#include <system_error>
#include <utility>

#include "base/try.h"
#include "http/detail/client_link.h"

namespace riacho::http::detail {
namespace {

namespace ip = boost::asio::ip;

// AWS: the instance metadata service over IPv6.
bool is_metadata(const ip::address_v6& address) { return address.to_string() == "fd00:ec2::254"; }

bool is_private(const ip::address_v4& address) {
    const std::uint32_t bits = address.to_uint();
    return bits >> 24 == 10 || bits >> 20 == 0xAC1 || bits >> 16 == 0xC0A8 || bits >> 22 == (0x64400000U >> 22);
}

bool is_allowed(ip::address address, AddressRule rule) {
    if (rule == AddressRule::any) return true;
    if (address.is_v6() && address.to_v6().is_v4_mapped()) {
        address = ip::make_address_v4(ip::v4_mapped, address.to_v6());
    }
    const bool link_local = address.is_v4() ? address.to_v4().to_uint() >> 16 == 0xA9FE
                                            : address.to_v6().is_link_local() || is_metadata(address.to_v6());
    if (link_local || address.is_unspecified()) return false;
    if (rule == AddressRule::no_link_local) return true;
    if (address.is_loopback()) return false;
    if (address.is_v4()) return !is_private(address.to_v4());
    return (address.to_v6().to_bytes()[0] & 0xFE) != 0xFC;  // RFC 4193: unique local
}

// The error of a failed connect().
SendError connect_error(const Call& call, const std::string& where, int code) {
    const SendFault fault = code == ECONNREFUSED ? SendFault::refused : SendFault::connect;
    return {fault, call.sent, fmt::format("cannot connect to {}: {}", where, std::generic_category().message(code))};
}

// Connects to one address, in at most limit_ms; returns 0 or an errno. The caller checks whether the call has ended.
Task<int> connect_to(Call* call, Transport* transport, int fd, ip::tcp::endpoint endpoint, std::int64_t limit_ms) {
    if (::connect(fd, endpoint.data(), static_cast<socklen_t>(endpoint.size())) == 0) co_return 0;
    if (errno != EINPROGRESS) co_return errno;
    bool too_late = false;
    core::Timer timer(call->core());
    timer.start(limit_ms, [&too_late, transport] {
        too_late = true;
        transport->cancel_waits();
    });
    co_await call->ready(*transport, IoState::want_write);
    timer.cancel();
    if (too_late || call->ended() != Call::End::none) co_return ETIMEDOUT;
    int code = 0;
    socklen_t size = sizeof code;
    if (::getsockopt(fd, SOL_SOCKET, SO_ERROR, &code, &size) != 0) co_return errno;
    co_return code;
}

}  // namespace

Task<Expected<std::unique_ptr<Link>, SendError>> Link::open(Call* call, Resolver* resolver, const Route* route,
                                                            Options options) {
    const std::string host = route->proxy ? route->proxy->host : route->url.host;
    const std::uint16_t port = route->proxy ? route->proxy->port : route->url.port;
    const std::string where = fmt::format("{} port {}", host, port);
    auto addresses = co_await resolver->resolve(call, host);
    if (call->ended() != Call::End::none) co_return fail(call->error(route->name()));
    if (!addresses) co_return fail(SendError(SendFault::resolve, call->sent, addresses.error()));
    if (!route->proxy) {
        std::erase_if(*addresses, [&](const ip::address& a) { return !is_allowed(a, options.addresses); });
        if (addresses->empty()) {
            co_return fail(SendError(SendFault::connect, call->sent,
                                     fmt::format("{} is at an address that may not be called", where)));
        }
    }
    SendError error;
    // Splits the connect timeout among the addresses, so that an unresponsive address leaves time for the others.
    const auto count = static_cast<std::int64_t>(addresses->size());
    const std::int64_t limit_ms = call->connect_timeout_ms() / count + 1;
    for (const ip::address& address : *addresses) {
        const ip::tcp::endpoint endpoint(address, port);
        const int fd = ::socket(endpoint.protocol().family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (fd < 0) {
            error = connect_error(*call, where, errno);
            continue;
        }
        Socket socket(call->core().context());
        boost::system::error_code ec;
        socket.assign(endpoint.protocol(), fd, ec);
        if (ec) {
            ::close(fd);
            error = connect_error(*call, where, ec.value());
            continue;
        }
        const int on = 1;
        ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        auto link = std::make_unique<Link>(std::move(socket));
        const int code = co_await connect_to(call, &link->transport_, fd, endpoint, limit_ms);
        if (call->ended() != Call::End::none) co_return fail(call->error(route->name()));
        if (code != 0) {
            error = connect_error(*call, where, code);
            continue;
        }
        if (route->url.secure) {
            if (route->proxy) CO_TRY_VOID(co_await link->connect_proxy(call, route));
            CO_TRY_VOID(co_await link->shake_hands(call, route, options.tls));
        }
        co_return link;
    }
    co_return fail(std::move(error));
}

// RFC 9110 9.3.6: after a successful CONNECT the connection is a tunnel to the server.
Task<Expected<void, SendError>> Link::connect_proxy(Call* call, const Route* route) {
    begin_exchange({.has_no_body = true, .body_size_max = 0});
    const std::string authority = route->url.host_and_port();
    std::string head = fmt::format("CONNECT {} HTTP/1.1\r\nhost: {}\r\n", authority, authority);
    if (!route->proxy->authorization.empty()) {
        head += fmt::format("proxy-authorization: {}\r\n", route->proxy->authorization);
    }
    head += "\r\n";
    const std::array<std::string_view, 1> pieces{head};
    const Step step = co_await write_all(call, pieces);
    call->sent = false;  // no byte of the request itself was sent
    if (step == Step::failed) co_return fail(call->error(route->name()));
    ClientRequest connect;
    ClientReply reply;
    auto answered = co_await read_reply(call, route, &connect, &reply);
    if (!answered) {
        answered.error().sent = false;
        if (answered.error().fault == SendFault::reset) answered.error().fault = SendFault::connect;
        co_return answered;
    }
    const bool is_open = reply.status / 100 == 2 && begin_ == end_;
    end_exchange();
    if (!is_open) {
        co_return fail(SendError(SendFault::connect, false,
                                 fmt::format("the proxy {} does not connect to {}: status {}", route->proxy->host,
                                             route->name(), reply.status)));
    }
    co_return answered;
}

Task<Expected<void, SendError>> Link::shake_hands(Call* call, const Route* route, ssl_ctx_st* context) {
    transport_.start_tls_to(context, route->url.host);
    for (;;) {
        const IoResult result = transport_.handshake();
        if (result.state == IoState::done) co_return Expected<void, SendError>();
        if (result.state == IoState::closed) {
            co_return fail(SendError(SendFault::tls, false,
                                     fmt::format("no TLS with {}: {}", route->name(), transport_.tls_failure())));
        }
        co_await call->ready(transport_, result.state);
        if (call->ended() != Call::End::none) co_return fail(call->error(route->name()));
    }
}

}  // namespace riacho::http::detail
