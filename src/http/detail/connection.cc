#include "http/detail/connection.h"

#include <algorithm>
#include <array>
#include <boost/asio/steady_timer.hpp>
#include <memory>

#include "base/check.h"
#include "http/detail/h1_connection.h"
#include "http/detail/h2_connection.h"

namespace riacho::http::detail {
namespace {

constexpr std::string_view h2_preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
constexpr std::size_t linger_bytes_max = std::size_t{32} << 20;
constexpr std::int64_t linger_when_stopping_ms = 100;
constexpr auto handshake_pause = std::chrono::milliseconds(20);

// Removes the written bytes from the front.
void take_written(std::span<std::string_view>& pieces, std::size_t size) {
    while (size > 0) {
        const std::size_t n = std::min(size, pieces.front().size());
        pieces.front().remove_prefix(n);
        size -= n;
        if (pieces.front().empty()) pieces = pieces.subspan(1);
    }
}

}  // namespace

Connection::Connection(Worker& worker, Socket socket, std::string peer, ConnectionOwner& owner)
    : worker_(worker), transport_(std::move(socket)), peer_(std::move(peer)), owner_(owner) {
    worker_.add(*this);
}

Connection::~Connection() {
    worker_.remove(*this);
    owner_.on_ended();
}

Task<void> Connection::serve(Connection* connection) {
    const std::unique_ptr<Connection> self(connection);
    if (self->worker_.stopping()) co_return;
    co_await self->run();
}

Task<void> Connection::run() {
    First first = co_await tell_protocol();
    if (first == First::tls) {
        const bool shaken = co_await shake_hands(std::move(received_));
        if (!shaken) co_return;
        received_.clear();
        first = transport_.chose_h2() ? First::http2 : co_await tell_protocol();
    }
    co_await run_protocol(first);
}

Task<void> Connection::run_protocol(First first) {
    if (first == First::http1) {
        H1Connection http(*this);
        protocol_ = &http;
        co_await http.run(std::move(received_));
        protocol_ = nullptr;
    } else if (first == First::http2) {
        worker_.stats().connections_h2.add();
        H2Connection http(*this);
        protocol_ = &http;
        co_await http.run(std::move(received_));
        protocol_ = nullptr;
    }
}

Task<Connection::First> Connection::tell_protocol() {
    set_deadline(Deadline::idle, worker_.options().idle_timeout_ms);
    for (;;) {
        if (!received_.empty()) {
            const std::string_view preface = h2_preface.substr(0, received_.size());
            if (received_.front() == 0x16) {
                co_return !transport_.secure() && worker_.tls() != nullptr ? First::tls : First::refused;
            }
            if (!received_.starts_with(preface)) co_return First::http1;
            if (preface.size() == h2_preface.size()) co_return First::http2;
            if (deadline_ != Deadline::head) set_deadline(Deadline::head, worker_.options().head_timeout_ms);
        }
        Block& input = worker_.input();
        const IoResult got = transport_.read(input.data.get(), input.capacity);
        if (got.state == IoState::done) {
            received_.append(input.data.get(), got.size);
        } else if (got.state == IoState::closed) {
            co_return First::refused;
        } else {
            co_await transport_.ready(got.state);
            if (expired_ != Deadline::none) co_return First::refused;
        }
    }
}

Task<bool> Connection::shake_hands(std::string received) {
    set_deadline(Deadline::handshake, worker_.options().tls_handshake_timeout_ms);
    boost::asio::steady_timer timer(worker_.core().context());
    // Handshakes are the most expensive work an unauthenticated client can cause: above the rate they wait.
    while (!worker_.take_tls_handshake()) {
        timer.expires_after(handshake_pause);
        co_await core::suspend([&timer](core::Wakeup& wakeup) {
            timer.async_wait([&wakeup](const boost::system::error_code&) { wakeup.run(); });
        });
        if (expired_ != Deadline::none) co_return false;
    }
    transport_.start_tls(worker_.tls()->get(worker_.now()), received);
    for (;;) {
        const IoResult result = transport_.handshake();
        if (result.state == IoState::done) break;
        if (result.state == IoState::closed) {
            worker_.stats().tls_failed.add();
            co_return false;
        }
        co_await transport_.ready(result.state);
        if (expired_ != Deadline::none) co_return false;
    }
    worker_.stats().connections_tls.add();
    clear_deadline();
    co_return true;
}

void Connection::set_deadline(Deadline what, std::int64_t span_ms) {
    deadline_ = what;
    deadline_ns_ = worker_.now().value() + span_ms * 1'000'000;
}

void Connection::watch_write() {
    set_deadline(Deadline::write, worker_.options().write_timeout_ms);
    unacknowledged_ = transport_.unacknowledged();
}

// A socket becomes writable only when a good part of its buffer is free; a slow client may read steadily without that.
bool Connection::is_client_reading() const { return transport_.unacknowledged() < unacknowledged_; }

void Connection::expire(Deadline what) {
    expired_ = what;
    deadline_ = Deadline::none;
    count_expired(what);
    transport_.cancel_waits();
}

void Connection::sweep(MonotonicNs now) {
    if (protocol_ != nullptr) protocol_->on_sweep(now);
    if (deadline_ == Deadline::none) return;
    if (deadline_ == Deadline::write && is_client_reading()) return watch_write();
    if (now.value() > deadline_ns_) expire(deadline_);
}

void Connection::stop() {
    if (protocol_ != nullptr) {
        protocol_->on_stop();
    } else {
        transport_.close();
    }
}

void Connection::count_expired(Deadline what) {
    WorkerStats& stats = worker_.stats();
    switch (what) {
        case Deadline::handshake:
            stats.timeout_handshake.add();
            break;
        case Deadline::head:
            stats.timeout_head.add();
            break;
        case Deadline::idle:
            stats.timeout_idle.add();
            break;
        case Deadline::body:
            stats.timeout_body.add();
            break;
        case Deadline::write:
            stats.timeout_write.add();
            break;
        case Deadline::linger:
        case Deadline::none:
            break;
    }
}

Task<bool> Connection::write_all(std::string_view data) {
    std::array<std::string_view, 1> pieces{data};
    co_return co_await write_all(std::span<std::string_view>(pieces));
}

Task<bool> Connection::write_all(std::span<std::string_view> pieces) {
    if (expired_ != Deadline::none) co_return false;
    bool watching = false;
    for (;;) {
        while (!pieces.empty() && pieces.front().empty()) pieces = pieces.subspan(1);
        if (pieces.empty()) break;
        const IoResult result = transport_.write(pieces);
        if (result.state == IoState::closed) co_return false;
        if (result.state == IoState::done) {
            written_ += result.size;
            take_written(pieces, result.size);
            // Any progress restarts the client's write timeout.
            watching = false;
            continue;
        }
        // The wait also ends when bytes can be read on this connection, which is no progress of the write.
        if (!watching) watch_write();
        watching = true;
        co_await transport_.ready(result.state);
        if (expired_ != Deadline::none) co_return false;
    }
    if (deadline_ == Deadline::write) clear_deadline();
    co_return true;
}

Task<void> Connection::linger() {
    clear_expired();
    transport_.shutdown_send();
    const std::int64_t span_ms = worker_.options().linger_timeout_ms;
    set_deadline(Deadline::linger, worker_.stopping() ? std::min(span_ms, linger_when_stopping_ms) : span_ms);
    Block& input = worker_.input();
    for (std::size_t seen = 0; seen < linger_bytes_max;) {
        const IoResult got = transport_.read(input.data.get(), input.capacity);
        if (got.state == IoState::closed) co_return;
        if (got.state == IoState::done) {
            seen += got.size;
            continue;
        }
        co_await transport_.ready(got.state);
        if (expired_ != Deadline::none) co_return;
    }
}

}  // namespace riacho::http::detail
