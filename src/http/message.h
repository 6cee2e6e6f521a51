// Requests and responses as handlers see them, the same for HTTP/1.1 and HTTP/2.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "base/buffer.h"
#include "core/fwd.h"
#include "core/memory_budget.h"
#include "core/task_fwd.h"

namespace riacho::http {

namespace detail {
class RequestBuilder;
}

enum class Version : std::uint8_t { http_1_0, http_1_1, http_2 };

struct HeaderField {
    std::string_view name;  // as received; always lower-case over HTTP/2
    std::string_view value;
};

// What BodyReader::read gives.
struct BodyPiece {
    enum class Kind : std::uint8_t {
        data,    // `data` holds the next bytes, at least one
        end,     // the body is complete
        broken,  // the body will not be completed: the client has gone, was too slow, or sent what is not a body
        idle     // nothing arrived for the time that was asked for; the body goes on
    };
    Kind kind = Kind::end;
    std::string_view data;  // at most BodyReader::piece_size_max bytes, valid until the next read
};

// Where a streamed request body comes from. Lives as long as its Request. Over HTTP/2 the client may send more only for
// what was read; over HTTP/1.1 the socket is read only when the reader asks.
class BodyReader {
public:
    static constexpr std::size_t piece_size_max = std::size_t{64} << 10;
    // idle_ms: 0 waits without `idle`. After `end` or `broken` the same again. One read at a time; it may be under way
    // while the response is written.
    virtual Task<BodyPiece> read(std::int64_t idle_ms) = 0;
    Task<BodyPiece> read();

protected:
    ~BodyReader() = default;
};

// One request. Owned by the connection, on its core; every view it gives lives until the handler's task has ended.
class Request {
public:
    Request() = default;
    Request(const Request&) = delete;
    Request& operator=(const Request&) = delete;

    [[nodiscard]] std::string_view method() const { return method_; }
    // The request target as received: origin form, absolute form or "*".
    [[nodiscard]] std::string_view target() const { return target_; }
    // The parts of the target, still percent-encoded. path() is never empty.
    [[nodiscard]] std::string_view path() const { return path_; }
    // Without '?'; empty if there is none.
    [[nodiscard]] std::string_view query() const { return query_; }
    // The Host header or :authority as received; may be empty.
    [[nodiscard]] std::string_view authority() const { return authority_; }
    [[nodiscard]] Version version() const { return version_; }

    // In the order received; pseudo-header fields are not among them.
    [[nodiscard]] std::span<const HeaderField> headers() const { return headers_; }
    // The value of the first field of that name in any case.
    [[nodiscard]] std::optional<std::string_view> find(std::string_view name) const;

    // The declared length, known when the head is; absent for chunked bodies and for HTTP/2 requests that name none.
    [[nodiscard]] std::optional<std::uint64_t> content_length() const { return content_length_; }
    // The complete body (empty in Handler::on_head). At least body_padding bytes after its end may be read; their
    // content is indeterminate.
    [[nodiscard]] std::string_view body() const { return body_; }
    static constexpr std::size_t body_padding = 64;
    // The reader of a body that BodyPlan::stream asked for; body() is empty then. Null for other requests.
    [[nodiscard]] BodyReader* stream() const { return stream_; }

    // True over TLS.
    [[nodiscard]] bool secure() const { return secure_; }
    // The client's address as text, without the port.
    [[nodiscard]] std::string_view peer() const { return peer_; }
    // The core this request is served on; the handler's task runs there.
    [[nodiscard]] core::Core& core() const { return *core_; }

private:
    friend class detail::RequestBuilder;

    std::string_view method_, target_, path_, query_, authority_, body_, peer_;
    std::vector<HeaderField> headers_;
    std::optional<std::uint64_t> content_length_;
    BodyReader* stream_ = nullptr;
    core::Core* core_ = nullptr;
    Version version_ = Version::http_1_1;
    bool secure_ = false;
};

// Header fields of a response, kept as the text HTTP/1.1 sends.
class HeaderList {
public:
    // The name must be a lower-case token. Control characters in the value become spaces, so that no value can start
    // another field. content-length, transfer-encoding, connection and date are the server's own: do not add them.
    void add(std::string_view name, std::string_view value);
    // "name: value\r\n" for each field.
    [[nodiscard]] std::string_view text() const { return text_.view(); }
    // The value of the first field of that name, which must be given in lower case.
    [[nodiscard]] std::optional<std::string_view> find(std::string_view name) const;

private:
    Buffer text_;
};

// Where a streaming response body goes. Lives while the producer's task does.
class BodyWriter {
public:
    // Sends data as one piece, at once. Completes when the bytes were taken by the socket (HTTP/1.1) or by the stream's
    // flow-control window (HTTP/2), so a producer is never ahead of its client; data must live until then. False: the
    // client has gone or the server is stopping hard, and the producer should end. One write at a time.
    virtual Task<bool> write(std::string_view data) = 0;
    // The same for pieces that follow one another, without joining them first: one chunk, written with one call as far
    // as the socket takes it (HTTP/1.1).
    virtual Task<bool> write(std::span<const std::string_view> pieces);
    // True once the server is stopping: a producer without an end of its own should finish its message and return.
    [[nodiscard]] virtual bool stopping() const = 0;

protected:
    ~BodyWriter() = default;
};

using BodyProducer = std::function<Task<void>(BodyWriter&)>;

// What a response's body counts for. A buffer can be a block that its thread kept and is larger than needed; there are
// as few of those as threads.
inline std::size_t memory_of(const Buffer& body) { return std::min(body.capacity(), body.size() * 2); }

// Content-Length (or chunked framing) and Date are added by the server. Without a content-type field none is sent.
struct Response {
    int status = 200;
    HeaderList headers;
    Buffer body;
    // If set, body is ignored: the head is sent at once, then the producer runs on the request's core; the response
    // ends when its task does. The request is valid meanwhile. Never started when there is no body to send: for HEAD
    // requests, for 204 and 304, and when the client has gone before the response.
    BodyProducer producer;
    // What the handler has taken for the body from core::MemoryUse::replies; the server takes what is missing, and
    // gives all of it back once the body is sent.
    core::MemoryLease memory;
    // HTTP/1.1: the connection is closed after this response. HTTP/2: the connection takes no further requests.
    bool close_connection = false;
};

// How fast a request body has to arrive. What is too slow ends: a buffered body with 408, a streamed one with
// BodyPiece::Kind::broken. Time that a handler takes between two reads of a streamed body is not the client's.
struct Pace {
    std::int64_t total_ms = 0;  // from the head to the end; 0: any
    std::int64_t idle_ms = 0;   // without a byte; 0: any
    std::int64_t rate_min = 0;  // bytes per second, on average over ServerOptions::body_rate_window_ms; 0: any
};

// The standard phrase for a status code, such as "Not Found".
std::string_view reason_phrase(int status);

}  // namespace riacho::http
