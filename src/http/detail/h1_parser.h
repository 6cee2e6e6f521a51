// Parses HTTP/1.1 requests: a scanner finds the end of the head and enforces its limits; Beast's parser checks the
// grammar of the head. Both refuse input that two parsers could read differently (request smuggling); see
// smuggling_test.cc for the list.
#pragma once

#include <boost/beast/http/basic_parser.hpp>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "http/message.h"
#include "http/server.h"

namespace riacho::http::detail {

// Finds the end of a head in bytes as they arrive; each byte is scanned once.
class HeadScanner {
public:
    enum class State : std::uint8_t { need_more, complete, refused };

    explicit HeadScanner(const ServerOptions& options) : options_(options) {}
    void reset() { *this = HeadScanner(options_); }
    // received begins with the head; between calls bytes may only be appended to it.
    State scan(std::string_view received);
    // After complete: the positions of the request line (an empty line may precede it) and of the head's end.
    [[nodiscard]] std::size_t begin() const { return begin_; }
    [[nodiscard]] std::size_t end() const { return line_; }
    // After refused: the status code 400, 414 or 431.
    [[nodiscard]] int status() const { return status_; }

    HeadScanner& operator=(const HeadScanner& other) {
        begin_ = other.begin_;
        line_ = other.line_;
        at_ = other.at_;
        headers_ = other.headers_;
        count_ = other.count_;
        status_ = other.status_;
        return *this;
    }
    HeadScanner(const HeadScanner&) = default;

private:
    State refuse(int status) {
        status_ = status;
        return State::refused;
    }
    State take_line(std::string_view line, std::size_t next);
    State check_unfinished(std::size_t size);

    const ServerOptions& options_;
    std::size_t begin_ = 0;
    std::size_t line_ = 0;     // position of the current line
    std::size_t at_ = 0;       // position up to which bytes were scanned
    std::size_t headers_ = 0;  // position of the first field; 0 until the request line was complete
    std::size_t count_ = 0;
    int status_ = 0;
};

// Parses one request. Views in the Request point into the given head.
class H1Parser final : private boost::beast::http::basic_parser<true> {
public:
    explicit H1Parser(Request& request);

    // The whole head, as HeadScanner found it. Returns the status code to refuse it with, or 0.
    int parse_head(std::string_view head);
    [[nodiscard]] bool keep_alive() const { return basic_parser::keep_alive(); }
    [[nodiscard]] bool is_chunked() const { return chunked_; }
    [[nodiscard]] bool expects_continue() const { return expects_continue_; }

private:
    using error_code = boost::beast::error_code;
    using view = boost::beast::string_view;
    using field = boost::beast::http::field;

    void on_request_impl(boost::beast::http::verb, view method, view target, int version, error_code& ec) override;
    void on_response_impl(int, view, int, error_code&) override {}
    void on_field_impl(field name, view name_text, view value, error_code& ec) override;
    void on_header_impl(error_code& ec) override;
    void on_body_init_impl(const boost::optional<std::uint64_t>&, error_code&) override {}
    std::size_t on_body_impl(view body, error_code&) override { return body.size(); }
    void on_chunk_header_impl(std::uint64_t, view, error_code&) override {}
    std::size_t on_chunk_body_impl(std::uint64_t, view body, error_code&) override { return body.size(); }
    void on_finish_impl(error_code&) override {}

    void refuse(int status, error_code& ec);
    void on_content_length(std::string_view value, error_code& ec);
    void on_transfer_encoding(std::string_view value, error_code& ec);

    Request& request_;
    int refused_ = 0;
    int minor_version_ = 1;
    bool has_host_ = false;
    bool chunked_ = false;
    bool expects_continue_ = false;
};

}  // namespace riacho::http::detail
