#include "http/detail/h1_parser.h"

#include <boost/asio/buffer.hpp>
#include <cstring>

#include "base/check.h"
#include "http/detail/request_builder.h"

namespace riacho::http::detail {
namespace {

namespace beast = boost::beast;

std::string_view std_view(beast::string_view text) { return {text.data(), text.size()}; }

// Disables Beast's own limit: the scanner has bounded the head.
constexpr std::uint32_t beast_header_limit = 1U << 30;

}  // namespace

HeadScanner::State HeadScanner::scan(std::string_view received) {
    for (;;) {
        const void* found = std::memchr(received.data() + at_, '\n', received.size() - at_);
        if (found == nullptr) {
            at_ = received.size();
            return check_unfinished(received.size());
        }
        const auto end = static_cast<std::size_t>(static_cast<const char*>(found) - received.data());
        // A bare line feed ends a line for some parsers and not for others.
        if (end == line_ || received[end - 1] != '\r') return refuse(400);
        const State state = take_line(received.substr(line_, end - 1 - line_), end + 1);
        line_ = at_ = end + 1;
        if (state != State::need_more) return state;
    }
}

HeadScanner::State HeadScanner::take_line(std::string_view line, std::size_t next) {
    if (headers_ == 0) {
        if (line.empty()) {
            if (begin_ != 0) return refuse(400);
            begin_ = next;  // RFC 9112 2.2: one empty line before the request is ignored
            return State::need_more;
        }
        if (line.size() > options_.request_line_size_max) return refuse(414);
        headers_ = next;
        return State::need_more;
    }
    if (line.empty()) return State::complete;
    if (line.front() == ' ' || line.front() == '\t') return refuse(400);  // obsolete line folding
    if (line.size() > options_.header_size_max || ++count_ > options_.header_count_max) return refuse(431);
    if (next - headers_ > options_.header_block_size_max) return refuse(431);
    return State::need_more;
}

// The limits also apply to a line whose end has not arrived; otherwise a client could send an endless line.
HeadScanner::State HeadScanner::check_unfinished(std::size_t size) {
    const std::size_t line_size = size - line_;
    const std::size_t line_end_size = 1;  // a carriage return may be the last byte received
    if (headers_ == 0) {
        return line_size > options_.request_line_size_max + line_end_size ? refuse(414) : State::need_more;
    }
    if (line_size > options_.header_size_max + line_end_size) return refuse(431);
    return size - headers_ > options_.header_block_size_max + line_end_size ? refuse(431) : State::need_more;
}

H1Parser::H1Parser(Request& request) : request_(request) {
    header_limit(beast_header_limit);
    body_limit(boost::none);
}

int H1Parser::parse_head(std::string_view head) {
    error_code ec;
    const std::size_t used = put(boost::asio::const_buffer(head.data(), head.size()), ec);
    if (refused_ != 0) return refused_;
    if (ec) return 400;
    RIACHO_CHECK(used == head.size(), "the scanner and the parser agree on where the head ends");
    return 0;
}

void H1Parser::refuse(int status, error_code& ec) {
    refused_ = status;
    ec = beast::http::error::bad_value;
}

void H1Parser::on_request_impl(beast::http::verb, view method, view target, int version, error_code& ec) {
    minor_version_ = version - 10;
    RequestBuilder::set_version(request_, version == 11 ? Version::http_1_1 : Version::http_1_0);
    RequestBuilder::set_method(request_, std_view(method));
    if (!RequestBuilder::set_target(request_, std_view(target))) refuse(400, ec);
}

void H1Parser::on_field_impl(field name, view name_text, view value_text, error_code& ec) {
    const std::string_view value = std_view(value_text);
    switch (name) {
        case field::content_length:
            on_content_length(value, ec);
            break;
        case field::transfer_encoding:
            on_transfer_encoding(value, ec);
            break;
        case field::host:
            if (has_host_) refuse(400, ec);
            has_host_ = true;
            RequestBuilder::set_authority(request_, value);
            break;
        case field::expect:
            if (!equal_ignoring_case(value, "100-continue")) refuse(417, ec);
            expects_continue_ = minor_version_ >= 1;
            break;
        default:
            break;
    }
    RequestBuilder::add_header(request_, std_view(name_text), value);
}

// Stricter than RFC 9112, which allows repetitions of an equal value: every repetition is refused.
void H1Parser::on_content_length(std::string_view value, error_code& ec) {
    const std::optional<std::uint64_t> length = parse_length(value);
    if (!length || request_.content_length() || chunked_) return refuse(400, ec);
    RequestBuilder::set_content_length(request_, *length);
}

void H1Parser::on_transfer_encoding(std::string_view value, error_code& ec) {
    if (chunked_ || request_.content_length() || minor_version_ < 1 || !equal_ignoring_case(value, "chunked")) {
        return refuse(400, ec);
    }
    chunked_ = true;
}

void H1Parser::on_header_impl(error_code& ec) {
    if (minor_version_ >= 1 && !has_host_) refuse(400, ec);
}

}  // namespace riacho::http::detail
