#include "http/detail/h1_connection.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>
#include <vector>

#include "base/check.h"
#include "http/detail/body_rules.h"
#include "http/detail/chunk_decoder.h"
#include "http/detail/request_builder.h"

namespace riacho::http::detail {
namespace {

// A response up to this size is sent in one buffer with its head, by one system call.
constexpr std::size_t joined_size_max = 32 * 1024;
constexpr std::size_t body_kept_max = 64 * 1024;
// An unread body up to this size is read and dropped to keep the connection; a larger body closes it.
constexpr std::size_t drained_size_max = 64 * 1024;

void append_number(Buffer& to, std::uint64_t value) {
    const fmt::format_int digits(value);
    to.append({digits.data(), digits.size()});
}

}  // namespace

H1Connection::H1Connection(Connection& connection)
    : connection_(connection),
      worker_(connection.worker()),
      transport_(connection.transport()),
      scanner_(worker_.options()),
      body_memory_(worker_.memory(), core::MemoryUse::bodies) {
    RequestBuilder::set_origin(request_, worker_.core(), connection.peer(), transport_.secure());
}

H1Connection::~H1Connection() {
    if (block_.data) worker_.give_block(std::move(block_));
    if (rest_.data) worker_.give_block(std::move(rest_));
}

Task<void> H1Connection::run(std::string received) {
    block_ = worker_.take_block();
    if (block_.capacity < received.size()) block_ = make_block(received.size());
    std::memcpy(block_.data.get(), received.data(), received.size());
    end_ = received.size();
    std::string().swap(received);
    for (;;) {
        const Next next = co_await serve_one();
        if (next == Next::linger) co_await connection_.linger();
        if (next != Next::go_on) co_return;
    }
}

Task<H1Connection::Next> H1Connection::serve_one() {
    Outcome outcome = co_await read_head();
    if (outcome.closed) co_return Next::close;
    if (outcome.refused != 0) co_return co_await refuse(outcome.refused);

    BodyPlan plan = worker_.ask_handler(request_);
    // By pointer: a Response in this frame would make it too large for Asio's cache of coroutine frames.
    if (plan.answer) co_return co_await answer_head(&*plan.answer);
    if (plan.stream) co_return co_await serve_stream(&plan);
    if (!take_received_body(plan.size_max)) {
        outcome = co_await read_body(&plan);
        if (outcome.closed) co_return Next::close;
        if (outcome.refused != 0) co_return co_await refuse(outcome.refused);
    }

    connection_.clear_deadline();
    worker_.stats().requests.add();
    Response response = co_await worker_.call_handler(&request_);
    hold(response);
    if (response.close_connection || worker_.stopping()) keep_alive_ = false;
    bool sent = true;
    if (response.producer) {
        sent = co_await send_stream(response);
    } else {
        // Without a coroutine when the socket takes all of it.
        const Unsent rest = send_at_once(response);
        if (rest.closed || !rest.is_empty()) sent = co_await send_rest(&rest);
    }
    if (!sent) co_return Next::close;
    if (!keep_alive_) co_return response.close_connection ? Next::linger : Next::close;
    end_request();
    co_return Next::go_on;
}

Task<H1Connection::Next> H1Connection::serve_stream(const BodyPlan* plan) {
    const std::uint64_t length = request_.content_length().value_or(0);
    if (length > plan->size_max) co_return co_await refuse(413);
    if (!hold_body_memory(H1BodyReader::memory_size)) co_return co_await refuse(503);
    const bool has_body = parser_->is_chunked() || length > 0;
    connection_.clear_deadline();
    if (has_body && parser_->expects_continue() && pending() < std::max<std::uint64_t>(length, 1)) {
        const bool written = co_await send_continue();
        if (!written) co_return Next::close;
    }
    H1BodyReader::Options options;
    options.received = received();
    if (!parser_->is_chunked()) options.size = length;
    options.size_max = plan->size_max;
    options.pace = plan->pace;
    reader_.emplace(connection_, options);
    RequestBuilder::set_stream(request_, *reader_);
    worker_.stats().requests.add();
    Response response = co_await worker_.call_handler(&request_);
    hold(response);
    // Whether the handler will read the whole body is not known yet, but the head is sent now.
    if (response.close_connection || worker_.stopping()) keep_alive_ = false;
    if (!response.producer && has_body && !reader_->is_complete()) keep_alive_ = false;
    const bool sent = response.producer ? co_await send_stream(response) : co_await send(response);
    const bool complete = !has_body || reader_->is_complete();
    begin_ = end_;
    keep_rest(reader_->received());
    reader_.reset();
    RequestBuilder::clear_stream(request_);
    if (!sent) co_return Next::close;
    if (!keep_alive_ || !complete) co_return Next::linger;
    end_request();
    co_return Next::go_on;
}

void H1Connection::end_request() {
    if (body_.capacity() > body_kept_max) body_ = Buffer();
    body_.clear();
    body_memory_.shrink_to(0);
    reply_memory_.shrink_to(0);
    RequestBuilder::clear(request_);
    if (rest_.data) {
        std::swap(block_, rest_);
        worker_.give_block(std::exchange(rest_, Block{}));
        begin_ = 0;
        end_ = rest_size_;
    }
    if (begin_ == end_) begin_ = end_ = 0;
}

// --- reading ---------------------------------------------------------------------------------------------------------

Task<H1Connection::Outcome> H1Connection::read_head() {
    scanner_.reset();
    if (begin_ > block_.capacity / 2) make_room();
    for (;;) {
        if (pending() > 0) {
            const HeadScanner::State state = scanner_.scan(received());
            if (state == HeadScanner::State::complete) co_return parse_head();
            if (state == HeadScanner::State::refused) co_return Outcome{.refused = scanner_.status()};
            if (connection_.deadline() != Deadline::head) {
                connection_.set_deadline(Deadline::head, worker_.options().head_timeout_ms);
            }
        } else {
            if (worker_.stopping()) co_return Outcome{.closed = true};
            connection_.set_deadline(Deadline::idle, worker_.options().idle_timeout_ms);
        }
        const bool filled = co_await fill_block();
        if (connection_.expired() == Deadline::head) co_return Outcome{.refused = 408};
        if (!filled) co_return Outcome{.closed = true};
    }
}

// Waits before the first read: after a response there is usually nothing to read, and an attempt would waste a system
// call.
Task<bool> H1Connection::fill_block() {
    const bool idle = pending() == 0;
    if (idle) {
        begin_ = end_ = 0;
        if (block_.data) worker_.give_block(std::exchange(block_, Block{}));
    } else if (end_ == block_.capacity && !make_room()) {
        co_return false;
    }
    IoState wanted = transport_.has_buffered() ? IoState::done : IoState::want_read;
    for (;;) {
        if (wanted != IoState::done) {
            waiting_idle_ = idle;
            co_await transport_.ready(wanted);
            waiting_idle_ = false;
            if (connection_.expired() != Deadline::none || (idle && worker_.stopping())) co_return false;
        }
        if (!block_.data) block_ = worker_.take_block();
        const IoResult got = transport_.read(block_.data.get() + end_, block_.capacity - end_);
        if (got.state == IoState::closed) co_return false;
        if (got.state == IoState::done) {
            end_ += got.size;
            co_return true;
        }
        wanted = got.state;
    }
}

// Moves pending bytes to the front of the block, or into a larger block. False when the block has the size of the
// largest possible head.
bool H1Connection::make_room() {
    if (begin_ > 0) {
        std::memmove(block_.data.get(), block_.data.get() + begin_, pending());
        end_ = pending();
        begin_ = 0;
        return true;
    }
    const ServerOptions& options = worker_.options();
    const std::size_t capacity_max = options.request_line_size_max + options.header_block_size_max + 1024;
    if (block_.capacity >= capacity_max) return false;
    Block larger = make_block(std::min(block_.capacity * 2, capacity_max));
    std::memcpy(larger.data.get(), block_.data.get(), end_);
    worker_.give_block(std::exchange(block_, std::move(larger)));
    return true;
}

H1Connection::Outcome H1Connection::parse_head() {
    begin_ += scanner_.begin();
    const std::size_t size = scanner_.end() - scanner_.begin();
    parser_.emplace(request_);
    const int status = parser_->parse_head({block_.data.get() + begin_, size});
    begin_ += size;
    if (status != 0) return {.refused = status};
    head_only_ = request_.method() == "HEAD";
    keep_alive_ = parser_->keep_alive() && ++requests_ < worker_.options().requests_per_connection_max;
    return {};
}

Task<bool> H1Connection::send_continue() {
    co_return co_await connection_.write_all(std::string_view("HTTP/1.1 100 Continue\r\n\r\n"));
}

// True for a body that arrived with its head, the common case, and for no body.
bool H1Connection::take_received_body(std::size_t size_max) {
    const std::uint64_t length = request_.content_length().value_or(0);
    if (parser_->is_chunked() || length > pending() || length > size_max) return false;
    RequestBuilder::set_body(request_, received().substr(0, length));
    begin_ += length;
    return true;
}

Task<H1Connection::Outcome> H1Connection::read_body(const BodyPlan* plan) {
    const std::size_t size_max = plan->size_max;
    const std::uint64_t length = request_.content_length().value_or(0);
    if (length > size_max) co_return Outcome{.refused = 413};
    if (!parser_->is_chunked() && length > block_.capacity - begin_) {
        const Outcome taken = co_await take_body_memory(length + Request::body_padding);
        if (taken.refused != 0) co_return taken;
    }
    if (parser_->expects_continue() && pending() == 0) {
        const bool written = co_await send_continue();
        if (!written) co_return Outcome{.closed = true};
    }
    begin_body_clock(plan->pace);
    Outcome outcome;
    if (parser_->is_chunked()) {
        outcome = co_await read_chunked_body(size_max);
    } else {
        outcome = co_await read_sized_body(length);
    }
    reading_body_ = false;
    co_return outcome;
}

void H1Connection::begin_body_clock(const std::optional<Pace>& pace) {
    connection_.clear_deadline();
    body_rate_.begin(worker_.now(), worker_.options(), pace);
    pace_.begin(worker_.now(), 0);
    reading_body_ = true;
}

Task<H1Connection::Outcome> H1Connection::read_some(char* to, std::size_t capacity, std::size_t& got) {
    for (;;) {
        const IoResult result = transport_.read(to, capacity);
        if (result.state == IoState::closed) co_return Outcome{.closed = true};
        if (result.state == IoState::done) {
            got = result.size;
            body_rate_.add(result.size);
            co_return Outcome{};
        }
        co_await transport_.ready(result.state);
        if (connection_.expired() != Deadline::none) co_return Outcome{.refused = 408};
    }
}

Task<H1Connection::Outcome> H1Connection::read_sized_body(std::size_t size) {
    Outcome outcome;
    std::size_t got = 0;
    if (size <= block_.capacity - begin_) {
        while (pending() < size) {
            outcome = co_await read_some(block_.data.get() + end_, block_.capacity - end_, got);
            if (outcome.closed || outcome.refused != 0) co_return outcome;
            end_ += got;
        }
        RequestBuilder::set_body(request_, received().substr(0, size));
        begin_ += size;
        co_return outcome;
    }
    std::size_t held = pending();
    // At once, because the memory for the declared length was taken. Growing would move the body, and fault in new
    // pages for each step; pages that no byte arrives for are never touched.
    if (!grow_body(size)) co_return Outcome{.refused = 503};
    body_.append(received());
    begin_ = end_;
    while (held < size) {
        outcome = co_await read_some(body_.data() + held, size - held, got);
        if (outcome.closed || outcome.refused != 0) co_return outcome;
        held += got;
        body_.extend(got);
    }
    RequestBuilder::set_body(request_, body_.view());
    co_return outcome;
}

// A request that waits holds no memory of the share, so that the holders can always finish.
Task<H1Connection::Outcome> H1Connection::take_body_memory(std::size_t size) {
    const bool small = size <= worker_.options().body_size_small;
    const core::MemoryUse use = small ? core::MemoryUse::bodies : core::MemoryUse::large_bodies;
    connection_.clear_deadline();
    const bool taken = co_await worker_.memory().take(worker_.core(), use, size, worker_.options().body_wait_ms);
    if (!taken) co_return Outcome{.refused = 503};
    body_memory_ = core::MemoryLease(worker_.memory(), use, size);
    co_return Outcome{};
}

bool H1Connection::hold_body_memory(std::size_t bytes) {
    const bool small = bytes <= worker_.options().body_size_small;
    if (small && body_memory_.bytes() == 0) body_memory_ = core::MemoryLease(worker_.memory(), core::MemoryUse::bodies);
    if (small || body_memory_.use() == core::MemoryUse::large_bodies) return body_memory_.grow_to(bytes);
    core::MemoryLease large(worker_.memory(), core::MemoryUse::large_bodies);
    if (!large.grow_to(bytes)) return false;
    body_memory_ = std::move(large);
    return true;
}

bool H1Connection::grow_body(std::size_t capacity) {
    const std::size_t wanted = capacity + Request::body_padding;
    if (!hold_body_memory(wanted)) return false;
    body_.reserve(wanted);
    return true;
}

// The encoded bytes use the worker's buffer, which belongs to this connection from a read until the next wait.
Task<H1Connection::Outcome> H1Connection::read_chunked_body(std::size_t size_max) {
    ChunkDecoder decoder(worker_.options(), size_max);
    std::string_view encoded = received();
    begin_ = end_;
    for (;;) {
        const std::size_t wanted = std::min(size_max, body_.size() + encoded.size());
        if (wanted + Request::body_padding > body_.capacity() &&
            !grow_body(std::min(size_max, std::max(wanted, body_.size() * 2)))) {
            co_return Outcome{.refused = 503};
        }
        const ChunkDecoder::Fed fed = decoder.feed(encoded, body_);
        if (fed.refused != 0) co_return Outcome{.refused = fed.refused};
        if (fed.done) {
            keep_rest(encoded.substr(fed.used));
            RequestBuilder::set_body(request_, body_.view());
            co_return Outcome{};
        }
        Block& input = worker_.input();
        std::size_t got = 0;
        const Outcome outcome = co_await read_some(input.data.get(), input.capacity, got);
        if (outcome.closed || outcome.refused != 0) co_return outcome;
        encoded = {input.data.get(), got};
    }
}

// The rest cannot stay after the head in the block: there may be no room, and the head must not move, because views
// point into it.
void H1Connection::keep_rest(std::string_view rest) {
    if (rest.empty()) return;
    rest_ = worker_.take_block();
    if (rest_.capacity < rest.size()) {
        worker_.give_block(std::move(rest_));
        rest_ = make_block(rest.size());
    }
    std::memcpy(rest_.data.get(), rest.data(), rest.size());
    rest_size_ = rest.size();
}

// --- answering -------------------------------------------------------------------------------------------------------

// Takes memory for a large response until it is sent, or replaces the response by a 503 if its share has none.
void H1Connection::hold(Response& response) {
    const std::size_t size = memory_of(response.body);
    const bool small = size <= worker_.options().response_size_small;
    if (small && response.memory.bytes() == 0) return;  // see hold_unsent()
    if (response.memory.bytes() > 0) {
        reply_memory_ = std::move(response.memory);
    } else {
        reply_memory_ = core::MemoryLease(worker_.memory(), core::MemoryUse::replies);
    }
    if (!small && !reply_memory_.grow_to(size)) response = worker_.shed(request_);
    reply_memory_.shrink_to(small ? 0 : memory_of(response.body));
}

// A small response is counted only when the socket does not take it at once, so clients that read pay nothing.
bool H1Connection::hold_unsent(std::size_t bytes) {
    pace_.begin(worker_.now(), connection_.written());
    if (reply_memory_.bytes() > 0) return true;
    reply_memory_ = core::MemoryLease(worker_.memory(), core::MemoryUse::small_replies);
    if (reply_memory_.grow_to(bytes)) return true;
    worker_.stats().shed.add();
    return false;
}

Task<H1Connection::Next> H1Connection::refuse(int status) {
    WorkerStats& stats = worker_.stats();
    switch (status) {
        case 408:
            break;  // counted with the deadline
        case 413:
            stats.body_too_large.add();
            break;
        case 414:
        case 431:
            stats.head_too_large.add();
            break;
        case 503:
            break;  // counted by shed()
        default:
            stats.bad_request.add();
            break;
    }
    connection_.clear_expired();
    connection_.clear_deadline();
    keep_alive_ = head_only_ = false;
    body_ = Buffer();
    body_memory_.shrink_to(0);
    Response response = status == 503 ? worker_.shed(request_) : Response();
    response.status = status;
    const bool sent = co_await send(response);
    co_return sent ? Next::linger : Next::close;
}

Task<H1Connection::Next> H1Connection::answer_head(Response* response) {
    const std::uint64_t length = request_.content_length().value_or(0);
    if (parser_->is_chunked() || length > drained_size_max || (parser_->expects_continue() && length > pending())) {
        keep_alive_ = false;
    } else if (length > 0) {
        begin_body_clock(std::nullopt);
        const Outcome outcome = co_await read_sized_body(length);
        reading_body_ = false;
        if (outcome.closed || outcome.refused != 0) co_return Next::close;
    }
    connection_.clear_deadline();
    worker_.stats().requests.add();
    if (response->close_connection || worker_.stopping()) keep_alive_ = false;
    const bool sent = co_await send(*response);
    if (!sent) co_return Next::close;
    if (!keep_alive_) co_return Next::linger;
    end_request();
    co_return Next::go_on;
}

void H1Connection::write_head(Buffer& to, const Response& response) {
    if (response.status == 200) {
        to.append("HTTP/1.1 200 OK\r\n");
    } else {
        to.append("HTTP/1.1 ");
        append_number(to, static_cast<std::uint64_t>(response.status));
        to.push_back(' ');
        to.append(reason_phrase(response.status));
        to.append("\r\n");
    }
    to.append(worker_.date_line());
    to.append(response.headers.text());
    if (response.producer && !head_only_ && !has_no_body(response.status)) {
        if (request_.version() == Version::http_1_1) to.append("transfer-encoding: chunked\r\n");
    } else if (!response.producer && !has_no_body(response.status)) {
        to.append("content-length: ");
        append_number(to, response.body.size());
        to.append("\r\n");
    }
    if (!keep_alive_) {
        to.append("connection: close\r\n");
    } else if (request_.version() == Version::http_1_0) {
        to.append("connection: keep-alive\r\n");
    }
    to.append("\r\n");
}

H1Connection::Unsent H1Connection::send_at_once(const Response& response) {
    Buffer& out = worker_.output();
    out.clear();
    write_head(out, response);
    std::string_view body;
    if (!head_only_ && !has_no_body(response.status) && !response.producer) body = response.body.view();
    if (body.size() <= joined_size_max) out.append(std::exchange(body, {}));
    const IoResult result = transport_.write(out.view(), body);
    Unsent rest;
    rest.closed = result.state == IoState::closed;
    const std::size_t left = out.size() + body.size() - result.size;
    if (rest.closed || left == 0) return rest;
    rest.closed = !hold_unsent(left);
    const std::size_t of_head = std::min(result.size, out.size());
    // A copy, because other connections use the worker's buffer while this one waits.
    rest.head = out.view().substr(of_head);
    rest.body = body.substr(result.size - of_head);
    return rest;
}

Task<bool> H1Connection::send_rest(const Unsent* rest) {
    if (rest->closed) co_return false;
    if (!rest->head.empty()) {
        const bool written = co_await connection_.write_all(std::string_view(rest->head));
        if (!written) co_return false;
    }
    co_return co_await connection_.write_all(rest->body);
}

Task<bool> H1Connection::send(Response& response) {
    const Unsent rest = send_at_once(response);
    co_return co_await send_rest(&rest);
}

// Writes HTTP/1.1 chunks; for HTTP/1.0 plain bytes that end with the connection.
class H1Connection::ChunkWriter final : public BodyWriter {
public:
    explicit ChunkWriter(H1Connection& http) : http_(http) {}

    Task<bool> write(std::string_view data) override {
        if (failed_) co_return false;
        if (data.empty()) co_return !http_.transport_.is_peer_gone();
        // TLS makes a record of each piece; small ones are joined.
        if (is_framed() && data.size() <= joined_size_max && http_.transport_.secure()) {
            std::string piece = fmt::format("{:x}\r\n", data.size());
            piece.append(data).append("\r\n");
            const bool written = co_await http_.connection_.write_all(std::string_view(piece));
            failed_ = !written;
            co_return written;
        }
        const std::string size_line = is_framed() ? fmt::format("{:x}\r\n", data.size()) : std::string();
        std::array<std::string_view, 3> all{size_line, data, is_framed() ? "\r\n" : ""};
        const bool written = co_await http_.connection_.write_all(std::span<std::string_view>(all));
        failed_ = !written;
        co_return written;
    }
    Task<bool> write(std::span<const std::string_view> pieces) override {
        if (failed_) co_return false;
        std::size_t size = 0;
        for (const std::string_view piece : pieces) size += piece.size();
        if (size == 0) co_return !http_.transport_.is_peer_gone();
        const std::string size_line = is_framed() ? fmt::format("{:x}\r\n", size) : std::string();
        std::vector<std::string_view> all{size_line};
        all.insert(all.end(), pieces.begin(), pieces.end());
        if (is_framed()) all.emplace_back("\r\n");
        const bool written = co_await http_.connection_.write_all(std::span<std::string_view>(all));
        failed_ = !written;
        co_return written;
    }
    [[nodiscard]] bool stopping() const override { return http_.worker_.stopping(); }
    [[nodiscard]] bool failed() const { return failed_; }

private:
    [[nodiscard]] bool is_framed() const { return http_.request_.version() == Version::http_1_1; }

    H1Connection& http_;
    bool failed_ = false;
};

Task<bool> H1Connection::send_stream(Response& response) {
    const bool framed = request_.version() == Version::http_1_1;
    const bool has_body = !head_only_ && !has_no_body(response.status);
    if (!framed && has_body) keep_alive_ = false;
    const bool sent = co_await send(response);
    if (!sent || !has_body) co_return sent;
    ChunkWriter writer(*this);
    try {
        co_await response.producer(writer);
    } catch (...) {
        // The client must not take the partial body for the whole: the connection ends without the last chunk.
        worker_.count_exception("exception in a response producer");
        co_return false;
    }
    if (writer.failed()) co_return false;
    if (!framed) co_return true;
    co_return co_await connection_.write_all(std::string_view("0\r\n\r\n"));
}

// --- deadlines -------------------------------------------------------------------------------------------------------

void H1Connection::on_sweep(MonotonicNs now) {
    const ServerOptions& options = worker_.options();
    if (reader_) reader_->on_sweep(now);
    if (waiting_idle_) {
        body_ = Buffer();
    } else if (reading_body_) {
        const bool in_the_way =
            pace_.is_too_slow(now, body_rate_.received(), body_memory_.bytes(), options) && body_memory_.is_scarce();
        if (in_the_way || body_rate_.is_too_slow(now, options)) connection_.expire(Deadline::body);
    } else if (connection_.deadline() == Deadline::write && reply_memory_.is_scarce() &&
               pace_.is_too_slow(now, connection_.written(), reply_memory_.bytes(), options)) {
        connection_.expire(Deadline::write);
    }
}

void H1Connection::on_stop() {
    if (waiting_idle_) transport_.cancel_waits();
}

}  // namespace riacho::http::detail
