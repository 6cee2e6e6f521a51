#include "http/detail/h1_body_reader.h"

#include <algorithm>

namespace riacho::http::detail {

H1BodyReader::H1BodyReader(Connection& connection, const Options& options)
    : connection_(connection),
      transport_(connection.transport()),
      worker_(connection.worker()),
      received_(options.received),
      left_(options.size.value_or(0)),
      size_max_(options.size_max) {
    if (!options.size) chunks_.emplace(worker_.options(), size_max_);
    watch_.begin(worker_.now(), worker_.options(), options.pace);
}

BodyPiece H1BodyReader::end(BodyPiece::Kind how) {
    ended_ = how;
    return {.kind = how, .data = {}};
}

Task<BodyPiece> H1BodyReader::read(std::int64_t idle_ms) {
    const std::int64_t idle_at_ns = idle_ms > 0 ? worker_.now().value() + idle_ms * 1'000'000 : INT64_MAX;
    for (;;) {
        if (ended_) co_return end(*ended_);
        if (const auto piece = take_received()) co_return *piece;
        const bool received = co_await receive(idle_at_ns);
        if (!received) co_return BodyPiece{BodyPiece::Kind::idle, {}};
    }
}

std::optional<BodyPiece> H1BodyReader::take_received() { return chunks_ ? take_chunked() : take_sized(); }

std::optional<BodyPiece> H1BodyReader::take_sized() {
    if (left_ == 0) return end(BodyPiece::Kind::end);
    if (received_.empty()) return std::nullopt;
    const std::size_t limit = std::min(received_.size(), piece_size_max);
    const std::string_view data = received_.substr(0, static_cast<std::size_t>(std::min<std::uint64_t>(limit, left_)));
    received_.remove_prefix(data.size());
    left_ -= data.size();
    return BodyPiece{BodyPiece::Kind::data, data};
}

std::optional<BodyPiece> H1BodyReader::take_chunked() {
    while (!received_.empty()) {
        decoded_.clear();
        // The decoder compares the size of a chunk with size_max alone: total_ counts over all pieces.
        const ChunkDecoder::Fed fed = chunks_->feed(received_.substr(0, piece_size_max), decoded_);
        received_.remove_prefix(fed.used);
        total_ += decoded_.size();
        if (fed.done) ended_ = BodyPiece::Kind::end;
        if (fed.refused != 0 || total_ > size_max_) {
            worker_.stats().bad_request.add();
            ended_ = BodyPiece::Kind::broken;
        }
        if (!decoded_.empty() && total_ <= size_max_) return BodyPiece{BodyPiece::Kind::data, decoded_.view()};
        if (ended_) return end(*ended_);
    }
    return std::nullopt;
}

Task<bool> H1BodyReader::receive(std::int64_t idle_at_ns) {
    if (!input_.data) input_ = make_block(piece_size_max);
    const std::size_t wanted =
        chunks_ ? input_.capacity : static_cast<std::size_t>(std::min<std::uint64_t>(input_.capacity, left_));
    idle_ = false;
    for (;;) {
        const IoResult got = transport_.read(input_.data.get(), wanted);
        if (got.state == IoState::done) {
            received_ = {input_.data.get(), got.size};
            watch_.add(got.size);
            co_return true;
        }
        if (got.state == IoState::closed || too_slow_ || connection_.expired() != Deadline::none) {
            end(BodyPiece::Kind::broken);
            co_return true;
        }
        if (idle_) co_return false;
        watch_.begin_wait(worker_.now(), idle_at_ns);
        co_await transport_.ready(got.state);
        watch_.end_wait(worker_.now());
    }
}

void H1BodyReader::on_sweep(MonotonicNs now) {
    if (watch_.is_too_slow(now, worker_.options())) {
        too_slow_ = true;
        worker_.stats().timeout_body.add();
    } else if (watch_.is_idle(now)) {
        idle_ = true;
    } else {
        return;
    }
    transport_.cancel_waits();
}

}  // namespace riacho::http::detail
