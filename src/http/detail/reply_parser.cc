#include "http/detail/reply_parser.h"

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/beast/http/basic_parser.hpp>

#include "base/check.h"
#include "http/detail/request_builder.h"

namespace riacho::http::detail {
namespace {

namespace beast = boost::beast;

constexpr std::size_t interim_max = 8;
constexpr std::uint32_t beast_reply_header_limit = 1U << 30;  // the scanner has bounded the head

// Limits of a reply's head: the status line and 32 KiB of fields.
const ServerOptions& head_limits() {
    static const ServerOptions limits;
    return limits;
}

// Parses the head of one reply with Beast's grammar.
class HeadParser final : public beast::http::basic_parser<false> {
public:
    explicit HeadParser(HeaderList& headers) : headers_(headers) {
        header_limit(beast_reply_header_limit);
        body_limit(boost::none);
    }
    bool parse(std::string_view head) {
        error_code ec;
        const std::size_t used = put(boost::asio::const_buffer(head.data(), head.size()), ec);
        // Beast reports need_more at the end of a head whose body is still to come.
        return (!ec || ec == beast::http::error::need_more) && used == head.size() && !bad_;
    }

    int status = 0;
    bool is_1_0 = false;
    bool chunked = false;
    bool other_coding = false;
    std::optional<std::uint64_t> length;

private:
    using error_code = beast::error_code;
    using view = beast::string_view;

    void on_request_impl(beast::http::verb, view, view, int, error_code&) override {}
    void on_response_impl(int code, view, int version, error_code&) override {
        status = code;
        is_1_0 = version < 11;
    }
    void on_field_impl(beast::http::field name, view name_text, view value_text, error_code&) override {
        const std::string_view value(value_text.data(), value_text.size());
        if (name == beast::http::field::content_length) {
            const std::optional<std::uint64_t> parsed = parse_length(value);
            // RFC 9112 6.3: differing lengths are an attack or a server fault.
            if (!parsed || (length && length != parsed)) bad_ = true;
            length = parsed;
        } else if (name == beast::http::field::transfer_encoding) {
            if (chunked || !equal_ignoring_case(value, "chunked")) other_coding = true;
            chunked = true;
        }
        std::string lower(name_text.data(), name_text.size());
        std::ranges::transform(lower, lower.begin(), to_lower);
        headers_.add(lower, value);
    }
    void on_header_impl(error_code&) override {}
    void on_body_init_impl(const boost::optional<std::uint64_t>&, error_code&) override {}
    std::size_t on_body_impl(view body, error_code&) override { return body.size(); }
    void on_chunk_header_impl(std::uint64_t, view, error_code&) override {}
    std::size_t on_chunk_body_impl(std::uint64_t, view body, error_code&) override { return body.size(); }
    void on_finish_impl(error_code&) override {}

    HeaderList& headers_;
    bool bad_ = false;
};

}  // namespace

ReplyParser::ReplyParser(ReplyRules rules) : rules_(rules), scanner_(head_limits()) {}

ReplyParser::Fed ReplyParser::feed(std::string_view received, Buffer& body) {
    Fed fed;
    if (!received.empty()) untouched_ = false;
    if (state_ == State::head) {
        state_ = take_head(received, fed.used);
    } else if (state_ == State::body) {
        switch (framing_) {
            case Framing::sized:
            case Framing::until_end:
                state_ = take_sized(received, body, fed.used);
                break;
            case Framing::chunked:
                state_ = take_chunked(received, body, fed.used);
                break;
            case Framing::none:
                break;
        }
    }
    fed.state = state_;
    return fed;
}

ReplyParser::State ReplyParser::finish() {
    if (state_ == State::body && framing_ == Framing::until_end) state_ = State::done;
    if (state_ == State::head || state_ == State::body) state_ = State::broken;
    return state_;
}

ReplyParser::State ReplyParser::take_head(std::string_view received, std::size_t& used) {
    while (used < received.size()) {
        const std::size_t before = head_.size();
        head_.append(received.substr(used));
        const HeadScanner::State scanned = scanner_.scan(head_);
        if (scanned == HeadScanner::State::refused) return scanner_.status() == 400 ? State::broken : State::too_large;
        if (scanned == HeadScanner::State::need_more) {
            used = received.size();
            return State::head;
        }
        RIACHO_CHECK(scanner_.end() >= before, "a head is complete with the bytes that complete it");
        used += scanner_.end() - before;
        const State state = end_of_head(std::string_view(head_).substr(0, scanner_.end()).substr(scanner_.begin()));
        if (state != State::head) return state;
    }
    return State::head;
}

ReplyParser::State ReplyParser::end_of_head(std::string_view head) {
    headers_ = HeaderList();
    HeadParser parser(headers_);
    if (!parser.parse(head)) return State::broken;
    status_ = parser.status;
    // 101 is refused: no request asks for a protocol upgrade.
    if (status_ < 100 || status_ > 999 || status_ == 101) return State::broken;
    if (status_ < 200) {
        continued_ |= status_ == 100;
        if (++interim_ > interim_max) return State::broken;
        std::string().swap(head_);
        scanner_.reset();
        return State::head;
    }
    if (parser.other_coding || (parser.chunked && (parser.length || parser.is_1_0))) return State::broken;
    keep_alive_ = parser.keep_alive();
    chunked_ = parser.chunked;
    length_ = parser.length;
    std::string().swap(head_);
    return begin_body();
}

ReplyParser::State ReplyParser::begin_body() {
    if (rules_.has_no_body || status_ == 204 || status_ == 304) return State::done;
    if (chunked_) {
        framing_ = Framing::chunked;
        return State::body;
    }
    if (!length_) {
        framing_ = Framing::until_end;
        left_ = UINT64_MAX;
        return State::body;
    }
    if (*length_ > rules_.body_size_max) return State::too_large;
    framing_ = Framing::sized;
    left_ = *length_;
    return left_ == 0 ? State::done : State::body;
}

ReplyParser::State ReplyParser::take_sized(std::string_view received, Buffer& body, std::size_t& used) {
    const std::size_t n = static_cast<std::size_t>(std::min<std::uint64_t>(left_, received.size()));
    if (n > rules_.body_size_max - total_) return State::too_large;
    body.append(received.substr(0, n));
    total_ += n;
    left_ -= n;
    used = n;
    return left_ == 0 ? State::done : State::body;
}

ReplyParser::State ReplyParser::take_chunked(std::string_view received, Buffer& body, std::size_t& used) {
    // The decoder compares a chunk's announced size with the buffer's content; total_ also counts content that was
    // cleared.
    if (!chunks_) chunks_.emplace(head_limits(), rules_.body_size_max);
    const std::size_t before = body.size();
    const ChunkDecoder::Fed fed = chunks_->feed(received, body);
    total_ += body.size() - before;
    used = fed.used;
    if (fed.refused == 413 || total_ > rules_.body_size_max) return State::too_large;
    if (fed.refused != 0) return State::broken;
    return fed.done ? State::done : State::body;
}

}  // namespace riacho::http::detail
