#include "http/detail/h2_connection.h"

#include <utility>

#include "base/check.h"
#include "http/detail/request_builder.h"

namespace riacho::http::detail {
namespace {

constexpr std::size_t flush_size = 64 * 1024;
constexpr std::string_view date_prefix = "date: ";
constexpr std::uint32_t no_error = 0;  // RFC 9113 section 7

}  // namespace

H2Connection::H2Connection(Connection& connection)
    : connection_(connection),
      worker_(connection.worker()),
      transport_(connection.transport()),
      session_(worker_.options(), *this) {}

Task<void> H2Connection::run(std::string received) {
    session_.feed(received);
    std::string().swap(received);
    start_ready();
    flush();
    co_await read_until_done();
    session_.close_streams();
    // A stream's task that writes to the socket would not end before its client reads.
    const bool gone = broken_ || draining_;
    if (draining_) transport_.close();
    ended_ = true;
    while (tasks_ > 0 || flush_scheduled_) {
        co_await core::suspend([this](core::Wakeup& wakeup) { join_ = &wakeup; });
    }
    if (!gone) co_await connection_.linger();
}

Task<void> H2Connection::read_until_done() {
    IoState wanted = IoState::done;
    while (!broken_ && !(session_.is_done() && !draining_)) {
        watch_idle();
        if (wanted == IoState::done && !transport_.has_buffered()) wanted = IoState::want_read;
        if (wanted != IoState::done) {
            co_await transport_.ready(wanted);
            wanted = IoState::done;
            if (broken_ || (session_.is_done() && !draining_)) co_return;
            if (connection_.expired() == Deadline::write) {
                transport_.close();
                co_return;
            }
            if (connection_.expired() == Deadline::idle) {
                connection_.clear_expired();
                session_.terminate(no_error);
                flush();
                continue;
            }
        }
        Block& input = worker_.input();
        const IoResult got = transport_.read(input.data.get(), input.capacity);
        if (got.state == IoState::closed) broken_ = true;
        if (got.state == IoState::want_read || got.state == IoState::want_write) wanted = got.state;
        if (got.state != IoState::done) continue;
        session_.feed({input.data.get(), got.size});
        start_ready();
        flush();
    }
}

void H2Connection::watch_idle() {
    if (draining_ || ended_) return;
    if (session_.streams() > 0) {
        connection_.clear_deadline();
    } else if (connection_.deadline() != Deadline::idle) {
        connection_.set_deadline(Deadline::idle, worker_.options().idle_timeout_ms);
    }
}

// --- streams ---------------------------------------------------------------------------------------------------------

void H2Connection::start_ready() {
    for (H2Stream* stream : session_.take_ready()) {
        ++tasks_;
        core::spawn(worker_.core(), [this, stream] { return run_stream(stream); });
    }
}

class H2Connection::StreamReader final : public BodyReader {
public:
    StreamReader(H2Connection& http, H2Stream& stream) : http_(http), stream_(stream) {}

    using BodyReader::read;
    Task<BodyPiece> read(std::int64_t idle_ms) override {
        const std::int64_t idle_at_ns = idle_ms > 0 ? http_.worker_.now().value() + idle_ms * 1'000'000 : INT64_MAX;
        for (;;) {
            const auto piece = http_.session_.read(stream_);
            // Bytes released by this read open the flow-control window.
            if (http_.session_.has_output()) http_.schedule_flush();
            if (piece) co_return *piece;
            if (http_.worker_.now().value() >= idle_at_ns) co_return BodyPiece{BodyPiece::Kind::idle, {}};
            co_await core::suspend(
                [this, idle_at_ns](core::Wakeup& wakeup) { http_.session_.wait_to_read(stream_, wakeup, idle_at_ns); });
        }
    }

private:
    H2Connection& http_;
    H2Stream& stream_;
};

Task<void> H2Connection::run_stream(H2Stream* stream) {
    StreamReader reader(*this, *stream);
    if (stream->is_streamed()) RequestBuilder::set_stream(stream->request(), reader);
    Response response = co_await worker_.call_handler(&stream->request());
    const bool has_producer = session_.respond(*stream, std::move(response));
    schedule_flush();
    if (has_producer) co_await run_producer(stream);
    session_.release(*stream);
    end_task();
}

class H2Connection::StreamWriter final : public BodyWriter {
public:
    StreamWriter(H2Connection& http, H2Stream& stream) : http_(http), stream_(stream) {}

    using BodyWriter::write;
    Task<bool> write(std::string_view data) override {
        if (data.empty()) co_return !stream_.is_closed();
        if (stream_.is_closed()) co_return false;
        co_await core::suspend([this, data](core::Wakeup& wakeup) {
            if (http_.session_.begin_write(stream_, data, wakeup)) {
                http_.schedule_flush();
            } else {
                http_.wake(wakeup);
            }
        });
        co_return !stream_.is_closed();
    }
    [[nodiscard]] bool stopping() const override { return http_.worker_.stopping(); }

private:
    H2Connection& http_;
    H2Stream& stream_;
};

Task<void> H2Connection::run_producer(H2Stream* stream) {
    StreamWriter writer(*this, *stream);
    try {
        co_await session_.producer (*stream)(writer);
        session_.end_write(*stream);
    } catch (...) {
        worker_.count_exception("exception in a response producer");
        session_.abort(*stream);
    }
    schedule_flush();
}

void H2Connection::end_task() {
    --tasks_;
    if (join_ != nullptr) worker_.core().wake(*std::exchange(join_, nullptr));
}

// --- sending ---------------------------------------------------------------------------------------------------------

void H2Connection::schedule_flush() {
    if (std::exchange(flush_scheduled_, true)) return;
    worker_.core().wake(flush_);
}

void H2Connection::Flush::run() noexcept {
    http.flush_scheduled_ = false;
    if (!http.broken_) http.flush();
    // The last stream may just have ended: wakes read_until_done().
    if (http.broken_ || http.session_.is_done()) http.transport_.cancel_waits();
    http.watch_idle();
    if (http.join_ != nullptr) http.worker_.core().wake(*std::exchange(http.join_, nullptr));
}

void H2Connection::flush() {
    if (draining_) return;
    Buffer& out = worker_.output();
    for (;;) {
        out.clear();
        while (out.size() < flush_size) {
            const std::string_view piece = session_.pull();
            if (piece.empty()) break;
            out.append(piece);
        }
        if (out.empty()) return;
        const IoResult result = transport_.write(out.view(), {});
        if (result.state == IoState::closed) {
            broken_ = true;
            return;
        }
        if (result.size == out.size()) continue;
        // No more output is taken from the session until this is written: that is the back-pressure on producers.
        unsent_ = out.view().substr(result.size);
        draining_ = true;
        connection_.watch_write();
        ++tasks_;
        core::spawn(worker_.core(), [this] { return drain(); });
        return;
    }
}

Task<void> H2Connection::drain() {
    std::string_view rest = unsent_;
    while (!rest.empty() && !broken_) {
        const IoResult result = transport_.write(rest, {});
        if (result.state == IoState::done) {
            rest.remove_prefix(result.size);
            connection_.watch_write();
        } else if (result.state == IoState::closed) {
            broken_ = true;
        } else {
            co_await transport_.ready(result.state);
        }
    }
    std::string().swap(unsent_);
    draining_ = false;
    connection_.clear_deadline();
    schedule_flush();
    end_task();
}

// --- deadlines and the end -------------------------------------------------------------------------------------------

void H2Connection::on_sweep(MonotonicNs now) {
    if (ended_) return;
    session_.sweep(now);
    if (shutdown_noticed_ && !shutdown_final_) {
        shutdown_final_ = true;
        session_.finish_shutdown();
    }
    if (session_.has_output()) schedule_flush();
}

void H2Connection::on_stop() {
    if (ended_) return;
    shutdown_noticed_ = true;
    session_.begin_shutdown();
    schedule_flush();
}

BodyPlan H2Connection::on_head(const Request& request) { return worker_.ask_handler(request); }

void H2Connection::set_origin(Request& request) {
    RequestBuilder::set_origin(request, worker_.core(), connection_.peer(), transport_.secure());
}

std::string_view H2Connection::date() {
    std::string_view line = worker_.date_line();
    line.remove_prefix(date_prefix.size());
    line.remove_suffix(2);
    return line;
}

void H2Connection::count(Event event) {
    WorkerStats& stats = worker_.stats();
    switch (event) {
        case Event::request:
            stats.requests.add();
            break;
        case Event::head_too_large:
            stats.head_too_large.add();
            break;
        case Event::body_too_large:
            stats.body_too_large.add();
            break;
        case Event::bad_request:
            stats.bad_request.add();
            break;
        case Event::reply_dropped:
            stats.shed.add();
            break;
        case Event::flood:
            stats.h2_floods.add();
            break;
        case Event::protocol_error:
            stats.h2_protocol_errors.add();
            break;
        case Event::timeout_head:
            stats.timeout_head.add();
            break;
        case Event::timeout_body:
            stats.timeout_body.add();
            break;
        case Event::timeout_write:
            stats.timeout_write.add();
            break;
    }
}

}  // namespace riacho::http::detail
