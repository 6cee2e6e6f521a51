#include "http/server.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <cerrno>
#include <future>
#include <map>
#include <memory>
#include <optional>
#include <system_error>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/try.h"
#include "core/log.h"
#include "core/task.h"
#include "core/throttle.h"
#include "http/detail/connection.h"
#include "http/detail/worker.h"

namespace riacho::http {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using Acceptor = asio::basic_socket_acceptor<tcp, asio::io_context::executor_type>;
using Timer = asio::basic_waitable_timer<std::chrono::steady_clock, asio::wait_traits<std::chrono::steady_clock>,
                                         asio::io_context::executor_type>;

constexpr int backlog = 4096;
constexpr auto accept_pause = std::chrono::milliseconds(20);

// The number of connections for which the process has file descriptors.
std::size_t connections_possible(const ServerOptions& options) {
    rlimit limit{};
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return options.connections_max;
    const auto fds = static_cast<std::size_t>(limit.rlim_cur);
    return std::min(options.connections_max, fds > options.fd_reserve ? fds - options.fd_reserve : std::size_t{1});
}

// A dual-stack socket reports IPv4 clients as ::ffff:a.b.c.d.
asio::ip::address plain_address(const asio::ip::address& address) {
    if (!address.is_v6() || !address.to_v6().is_v4_mapped()) return address;
    return asio::ip::make_address_v4(asio::ip::v4_mapped, address.to_v6());
}

ListenError listen_error(const boost::system::error_code& ec, const ServerOptions& options) {
    ListenError::Kind kind = ListenError::Kind::other;
    if (ec == asio::error::address_in_use) kind = ListenError::Kind::address_in_use;
    if (ec == asio::error::access_denied) kind = ListenError::Kind::not_permitted;
    if (ec.value() == EADDRNOTAVAIL) kind = ListenError::Kind::bad_address;
    return {.kind = kind,
            .message =
                "cannot listen on " + options.address + " port " + std::to_string(options.port) + ": " + ec.message()};
}

}  // namespace

struct Server::Impl {
    // The accounting record of a connection: made when it is accepted, returned to the accepting core at its end.
    struct Lease final : core::Wakeup, detail::ConnectionOwner {
        Lease(Impl& i, std::size_t w, int f, asio::ip::address a) : impl(i), worker(w), fd(f), address(std::move(a)) {}
        void on_ended() noexcept override { impl.accept_core().wake(*this); }
        void run() noexcept override {
            impl.release(*this);
            delete this;
        }
        Impl& impl;
        std::size_t worker;
        int fd;
        asio::ip::address address;
    };

    Impl(ServerOptions options, core::Runtime& r, core::Clock& clock, Handler& handler, core::MemoryBudget& memory)
        : shared{.options = std::move(options),
                 .clock = clock,
                 .handler = handler,
                 .memory = memory,
                 .worker_count = r.size()},
          runtime(r),
          accept_rate{static_cast<double>(shared.options.accept_rate),
                      static_cast<double>(shared.options.accept_burst)},
          acceptor(r.core(0).context()),
          pause(r.core(0).context()) {
        for (std::size_t i = 0; i < r.size(); ++i) {
            workers.push_back(std::make_unique<detail::Worker>(shared, r.core(i)));
            dealt.push_back(0);
        }
    }

    core::Core& accept_core() { return runtime.core(0); }
    Expected<void, ListenError> open();
    void wait_to_accept();
    void accept_some();
    void accept_later();
    bool is_full_for_long(MonotonicNs now);
    void admit(int fd, const asio::ip::address& address);
    static Task<void> serve(Lease* lease);
    void release(const Lease& lease);
    void check_all_ended();
    // Runs the function on the core and waits for its end.
    template <class Function>
    void run_on(core::Core& core, Function function) {
        RIACHO_CHECK(!core.is_current(), "the server is stopped from outside its cores");
        std::promise<void> done;
        asio::post(core.context(), [&] {
            function();
            done.set_value();
        });
        done.get_future().get();
    }

    detail::SharedState shared;
    core::Runtime& runtime;
    std::vector<std::unique_ptr<detail::Worker>> workers;
    std::uint16_t port = 0;
    tcp protocol = tcp::v4();
    bool listening = false;

    // The following members are used on the accepting core only.
    std::size_t connections_max = 0;
    const TokenRate accept_rate;
    TokenBucket bucket;
    Acceptor acceptor;
    Timer pause;
    std::vector<std::size_t> dealt;  // open connections per worker
    std::size_t open_count = 0;
    std::map<asio::ip::address, std::size_t> per_address;
    core::LogThrottle accept_failed_throttle;
    std::optional<MonotonicNs> full_since;  // since when the cap is reached and connections wait
    bool stopping = false;
    bool told = false;
    std::promise<void> all_ended;
    detail::Counter opened, closed, refused_max, refused_address, delayed;
};

Expected<void, ListenError> Server::Impl::open() {
    const ServerOptions& options = shared.options;
    boost::system::error_code ec;
    const auto address = asio::ip::make_address(options.address == "localhost" ? "127.0.0.1" : options.address, ec);
    if (ec) {
        return fail(ListenError{.kind = ListenError::Kind::bad_address,
                                .message = "not an IP address to listen on: " + options.address});
    }
    if (options.tls) {
        for (auto& worker : workers) {
            auto context = detail::make_ssl_context(*options.tls);
            if (!context) {
                return fail(ListenError{.kind = ListenError::Kind::certificate, .message = context.error().message});
            }
            worker->set_tls(detail::TlsContext(*options.tls, *std::move(context), shared.clock.monotonic()));
        }
    }
    const tcp::endpoint endpoint(address, options.port);
    const auto step = [&ec](auto&& call) {
        if (!ec) call();
    };
    step([&] { acceptor.open(endpoint.protocol(), ec); });
    step([&] { acceptor.set_option(tcp::acceptor::reuse_address(true), ec); });
    step([&] { acceptor.bind(endpoint, ec); });
    step([&] { acceptor.listen(backlog, ec); });
    step([&] { acceptor.native_non_blocking(true, ec); });
    step([&] { port = acceptor.local_endpoint(ec).port(); });
    if (ec) {
        boost::system::error_code ignored;
        acceptor.close(ignored);
        return fail(listen_error(ec, options));
    }
    connections_max = connections_possible(options);
    protocol = endpoint.protocol();
    return {};
}

void Server::Impl::wait_to_accept() {
    acceptor.async_wait(tcp::acceptor::wait_read, [this](const boost::system::error_code& ec) {
        if (!ec && !stopping) accept_some();
    });
}

void Server::Impl::accept_later() {
    pause.expires_after(accept_pause);
    pause.async_wait([this](const boost::system::error_code& ec) {
        if (!ec && !stopping) accept_some();
    });
}

// The end of a connection is noticed with a delay: until then new connections wait in the kernel's queue, instead of
// being refused by a server that has room.
bool Server::Impl::is_full_for_long(MonotonicNs now) {
    if (!full_since) full_since = now;
    return now.value() - full_since->value() >= shared.options.full_wait_ms * 1'000'000;
}

void Server::Impl::accept_some() {
    for (;;) {
        // Above the rate connections wait in the kernel's queue: a burst of short connections is served late instead of
        // refused.
        const MonotonicNs now = shared.clock.monotonic();
        if (!bucket.has(accept_rate, 1, now)) {
            delayed.add();
            return accept_later();
        }
        if (open_count >= connections_max && !is_full_for_long(now)) return accept_later();
        tcp::endpoint peer;
        auto size = static_cast<socklen_t>(peer.capacity());
        const int fd = ::accept4(acceptor.native_handle(), peer.data(), &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            peer.resize(size);
            bucket.take(accept_rate, 1, now);
            admit(fd, plain_address(peer.address()));
            continue;
        }
        if (errno == EINTR || errno == ECONNABORTED) continue;
        if (errno == EAGAIN || errno == EWOULDBLOCK) {
            full_since.reset();
            return wait_to_accept();
        }
        // Out of descriptors or memory: open connections go on, new connections wait in the kernel's queue.
        if (accept_failed_throttle.is_due(now)) {
            core::log_line(core::LogLevel::warn, "cannot accept connections",
                           {{"error", std::generic_category().message(errno)}});
        }
        return accept_later();
    }
}

void Server::Impl::admit(int fd, const asio::ip::address& address) {
    const ServerOptions& options = shared.options;
    if (open_count >= connections_max) {
        refused_max.add();
        ::close(fd);
        return;
    }
    std::size_t& same_address = per_address[address];
    if (same_address >= options.connections_per_address_max) {
        refused_address.add();
        ::close(fd);
        return;
    }
    ++same_address;
    ++open_count;
    opened.add();
    const int on = 1;
    ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    const auto least = static_cast<std::size_t>(std::ranges::min_element(dealt) - dealt.begin());
    ++dealt[least];
    auto* lease = new Lease(*this, least, fd, address);
    core::spawn(runtime.core(least), [lease] { return serve(lease); });
}

Task<void> Server::Impl::serve(Lease* lease) {
    detail::Worker& worker = *lease->impl.workers[lease->worker];
    detail::Socket socket(worker.core().context());
    boost::system::error_code ec;
    socket.assign(lease->impl.protocol, lease->fd, ec);
    if (ec) {
        ::close(lease->fd);
        lease->on_ended();
        co_return;
    }
    co_await detail::Connection::serve(
        new detail::Connection(worker, std::move(socket), lease->address.to_string(), *lease));
}

void Server::Impl::release(const Lease& lease) {
    closed.add();
    --open_count;
    full_since.reset();
    --dealt[lease.worker];
    const auto found = per_address.find(lease.address);
    if (--found->second == 0) per_address.erase(found);
    check_all_ended();
}

void Server::Impl::check_all_ended() {
    if (stopping && open_count == 0 && !std::exchange(told, true)) all_ended.set_value();
}

Server::Server(ServerOptions options, core::Runtime& runtime, core::Clock& clock, Handler& handler,
               core::MemoryBudget& memory)
    : impl_(std::make_unique<Impl>(std::move(options), runtime, clock, handler, memory)) {}

Server::~Server() { RIACHO_CHECK(!impl_->listening, "stop the server before destroying it"); }

Expected<void, ListenError> Server::listen() {
    RIACHO_CHECK(!impl_->listening);
    TRY_VOID(impl_->open());
    impl_->listening = true;
    asio::post(impl_->accept_core().context(), [impl = impl_.get()] { impl->wait_to_accept(); });
    return {};
}

std::uint16_t Server::port() const { return impl_->port; }

void Server::stop(std::int64_t grace_ms) {
    if (!impl_->listening) return;
    const MonotonicNs deadline = impl_->shared.clock.monotonic().plus(grace_ms * 1'000'000);
    // Stops accepting before the workers, so that no connection is assigned to a worker that was told to stop.
    impl_->run_on(impl_->accept_core(), [this] {
        boost::system::error_code ignored;
        impl_->acceptor.close(ignored);
        impl_->pause.cancel();
        impl_->stopping = true;
        impl_->shared.stopping = true;
    });
    for (auto& worker : impl_->workers) {
        impl_->run_on(worker->core(), [&] { worker->begin_stop(deadline); });
    }
    impl_->run_on(impl_->accept_core(), [this] { impl_->check_all_ended(); });
    impl_->all_ended.get_future().get();
    // Cancelled timer handlers still refer to the workers; the second round runs after them.
    for (auto& worker : impl_->workers) impl_->run_on(worker->core(), [&] { worker->cancel_sweep(); });
    for (auto& worker : impl_->workers) impl_->run_on(worker->core(), [] {});
    impl_->listening = false;
}

ServerStats Server::stats() const {
    ServerStats total;
    total.connections_accepted = impl_->opened.value();
    total.connections_open = total.connections_accepted - std::min(total.connections_accepted, impl_->closed.value());
    total.refused_connections_max = impl_->refused_max.value();
    total.refused_per_address = impl_->refused_address.value();
    total.accept_delayed = impl_->delayed.value();
    const core::MemoryBudget& memory = impl_->shared.memory;
    using core::MemoryUse;
    total.body_bytes_held = memory.used(MemoryUse::bodies) + memory.used(MemoryUse::large_bodies);
    total.response_bytes_held = memory.used(MemoryUse::replies) + memory.used(MemoryUse::small_replies);
    for (const auto& worker : impl_->workers) {
        const detail::WorkerStats& stats = worker->stats();
        total.connections_tls += stats.connections_tls.value();
        total.connections_h2 += stats.connections_h2.value();
        total.requests += stats.requests.value();
        total.tls_failed += stats.tls_failed.value();
        total.timeout_handshake += stats.timeout_handshake.value();
        total.timeout_head += stats.timeout_head.value();
        total.timeout_idle += stats.timeout_idle.value();
        total.timeout_body += stats.timeout_body.value();
        total.timeout_write += stats.timeout_write.value();
        total.head_too_large += stats.head_too_large.value();
        total.body_too_large += stats.body_too_large.value();
        total.bad_request += stats.bad_request.value();
        total.shed += stats.shed.value();
        total.h2_protocol_errors += stats.h2_protocol_errors.value();
        total.h2_floods += stats.h2_floods.value();
        total.handler_exceptions += stats.handler_exceptions.value();
        total.sweeps += stats.sweeps.value();
    }
    return total;
}

}  // namespace riacho::http
