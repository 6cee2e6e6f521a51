// Bodies of HTTP/2 requests: buffered bodies, and bodies that their handlers read. The flow-control window opens for
// bytes that were buffered or read.
#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "base/check.h"
#include "http/detail/body_rules.h"
#include "http/detail/h2_session.h"

namespace riacho::http::detail {
namespace {

// Below the size from which on each thread keeps a released Buffer.
constexpr std::size_t taken_at_once_max = 1020 * 1024;

}  // namespace

void H2Session::on_body(H2Stream& stream, std::string_view data) {
    stream.unconsumed_ += data.size();
    if (stream.refused_) return consume(stream, data.size());
    if (stream.streamed_) return on_streamed_body(stream, data);
    const std::size_t size = stream.body_.size() + data.size();
    if (size > stream.body_size_max_) return refuse(stream, 413, H2Host::Event::body_too_large);
    if (!room_for_body(stream, size)) return shed(stream);
    stream.body_.append(data);
    stream.rate_.add(data.size());
    // The memory for these bytes is taken: the window of a buffered body may open.
    consume(stream, data.size());
}

void H2Session::consume(H2Stream& stream, std::size_t bytes) {
    stream.unconsumed_ -= bytes;
    if (bytes > 0 && session_ != nullptr) nghttp2_session_consume(session_, stream.id_, bytes);
}

// Unread bytes are bounded by the stream's window.
void H2Session::on_streamed_body(H2Stream& stream, std::string_view data) {
    if (stream.broken_) return consume(stream, data.size());
    stream.received_ += data.size();
    const std::size_t size = stream.body_.size() + data.size();
    std::size_t capacity = stream.body_.capacity();
    if (size > capacity) capacity = std::max({size, 2 * capacity, body_capacity_first});
    const std::size_t held = stream.head_.size() + stream.reading_.capacity() + capacity;
    if (stream.received_ > stream.body_size_max_ || !hold_request(stream, held)) return break_body(stream);
    stream.body_.reserve(capacity);
    stream.body_.append(data);
    stream.watch_.add(data.size());
    wake_reader(stream);
}

void H2Session::break_body(H2Stream& stream) {
    stream.broken_ = true;
    drop_unread(stream);
    wake_reader(stream);
}

// Drops bytes that no handler will read; the last piece given to the reader stays in place.
void H2Session::drop_unread(H2Stream& stream) {
    stream.body_ = Buffer();
    stream.lent_ = 0;
    consume(stream, stream.unconsumed_);
}

std::optional<BodyPiece> H2Session::read(H2Stream& stream) {
    using Kind = BodyPiece::Kind;
    consume(stream, std::exchange(stream.lent_, 0));
    if (stream.broken_ || stream.closed_) return BodyPiece{Kind::broken, {}};
    if (stream.read_ == stream.reading_.size()) {
        stream.reading_.clear();
        stream.read_ = 0;
        std::swap(stream.reading_, stream.body_);
    }
    const std::string_view rest = stream.reading_.view().substr(stream.read_).substr(0, BodyReader::piece_size_max);
    if (rest.empty()) {
        if (stream.state_ == H2Stream::State::complete) return BodyPiece{Kind::end, {}};
        return std::nullopt;
    }
    stream.read_ += rest.size();
    stream.lent_ = rest.size();
    return BodyPiece{Kind::data, rest};
}

void H2Session::wait_to_read(H2Stream& stream, core::Wakeup& wakeup, std::int64_t idle_at_ns) {
    RIACHO_CHECK(stream.reader_ == nullptr, "one read at a time");
    stream.reader_ = &wakeup;
    stream.watch_.begin_wait(host_.now(), idle_at_ns);
}

void H2Session::wake_reader(H2Stream& stream) {
    if (stream.reader_ == nullptr) return;
    stream.watch_.end_wait(host_.now());
    host_.wake(*std::exchange(stream.reader_, nullptr));
}

// Allocates the declared length at once, up to a limit and while there is memory: a body that grows is moved. Otherwise
// only as bytes arrive: twice the received size, at most the declared length.
bool H2Session::room_for_body(H2Stream& stream, std::size_t size) {
    const auto take = [&](std::size_t capacity) {
        if (!hold_request(stream, stream.head_.size() + capacity + Request::body_padding)) return false;
        stream.body_.reserve(capacity + Request::body_padding);
        return true;
    };
    if (size + Request::body_padding <= stream.body_.capacity()) return true;
    const std::optional<std::uint64_t> declared = stream.request_.content_length();
    const auto at_once = static_cast<std::size_t>(std::min<std::uint64_t>(declared.value_or(0), taken_at_once_max));
    // The heads of all requests come from the same share: a declared length, which costs the client nothing, does not
    // take the last of it.
    const bool is_scarce =
        host_.memory().is_scarce(core::MemoryUse::bodies) || host_.memory().is_scarce(core::MemoryUse::large_bodies);
    if (at_once >= size && !is_scarce && take(at_once)) return true;
    const std::uint64_t size_max = declared.value_or(stream.body_size_max_);
    const std::size_t guess = std::max(size * 2, body_capacity_first);
    return take(std::max(size, static_cast<std::size_t>(std::min<std::uint64_t>(size_max, guess))));
}

bool H2Session::hold_request(H2Stream& stream, std::size_t total) {
    const bool small = total <= options_.body_size_small;
    const core::MemoryUse use = small ? core::MemoryUse::bodies : core::MemoryUse::large_bodies;
    if (stream.memory_.bytes() > 0 && stream.memory_.use() == use) return stream.memory_.grow_to(total);
    core::MemoryLease memory(host_.memory(), use);
    if (!memory.grow_to(total)) return false;
    stream.memory_ = std::move(memory);
    return true;
}

// The handler's task sends the response: a client that is too slow is reported to its reader only.
void H2Session::sweep_streamed(H2Stream& stream, MonotonicNs now) {
    if (stream.watch_.is_too_slow(now, options_)) {
        host_.count(H2Host::Event::timeout_body);
        break_body(stream);
    } else if (stream.watch_.is_idle(now)) {
        wake_reader(stream);
    }
}

}  // namespace riacho::http::detail
