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

// The result of BodyReader::read.
struct BodyPiece {
    enum class Kind : std::uint8_t {
        data,    // `data` holds the next bytes, at least one
        end,     // the body is complete
        broken,  // the body will not be completed: the client has gone, was too slow, or sent an invalid body
        idle     // nothing arrived for idle_ms; the body goes on
    };
    Kind kind = Kind::end;
    std::string_view data;  // at most BodyReader::piece_size_max bytes, valid until the next read
};

// Reads a streamed request body. Lives as long as its Request. Over HTTP/2 the flow-control window opens only for bytes
// that were read; over HTTP/1.1 the socket is read only when read() is called.
class BodyReader {
public:
    static constexpr std::size_t piece_size_max = std::size_t{64} << 10;
    // idle_ms: 0 waits without limit. After `end` or `broken` every call returns the same. One read at a time; it may
    // be in progress while the response is written.
    virtual Task<BodyPiece> read(std::int64_t idle_ms) = 0;
    Task<BodyPiece> read();

protected:
    ~BodyReader() = default;
};

// One request. Owned by the connection, on its core; every view it returns is valid until the handler's task has ended.
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

    // In the order received; without pseudo-header fields.
    [[nodiscard]] std::span<const HeaderField> headers() const { return headers_; }
    // The value of the first field with that name, in any letter case.
    [[nodiscard]] std::optional<std::string_view> find(std::string_view name) const;

    // The declared length, known when the head is complete; absent for chunked bodies and for HTTP/2 requests without
    // content-length.
    [[nodiscard]] std::optional<std::uint64_t> content_length() const { return content_length_; }
    // The complete body (empty in Handler::on_head). At least body_padding bytes after its end may be read; their
    // content is indeterminate.
    [[nodiscard]] std::string_view body() const { return body_; }
    static constexpr std::size_t body_padding = 64;
    // The reader of the body if BodyPlan::stream was set; body() is empty then. Null for other requests.
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
    // another field. The server adds content-length, transfer-encoding, connection and date itself: do not add them.
    void add(std::string_view name, std::string_view value);
    // "name: value\r\n" for each field.
    [[nodiscard]] std::string_view text() const { return text_.view(); }
    // The value of the first field with that name, which must be given in lower case.
    [[nodiscard]] std::optional<std::string_view> find(std::string_view name) const;

private:
    Buffer text_;
};

// Writes a streaming body: that of a response, or that of a ClientRequest. Lives as long as the producer's task.
class BodyWriter {
public:
    // Sends data as one piece, at once. Completes when the socket (HTTP/1.1) or the stream's flow-control window
    // (HTTP/2) has taken the bytes, which must live until then. False: the peer has gone or the connection is being
    // closed, and the producer should end. One write at a time.
    //
    // Empty data sends nothing (an empty chunk would end an HTTP/1.1 body), does not wait, and returns whether the body
    // can go on. Over HTTP/1.1 a client that has shut down only its sending side counts as gone.
    virtual Task<bool> write(std::string_view data) = 0;
    // As write(data), for pieces that follow one another, without joining them first: over HTTP/1.1 one chunk, written
    // with one system call as far as the socket takes it.
    virtual Task<bool> write(std::span<const std::string_view> pieces);
    // True once the server is stopping: a producer without an end of its own should finish its message and return.
    [[nodiscard]] virtual bool stopping() const = 0;

protected:
    ~BodyWriter() = default;
};

using BodyProducer = std::function<Task<void>(BodyWriter&)>;

// The memory that a response body counts for. A buffer can be a block that its thread kept and is larger than needed;
// there are at most as many such blocks as threads.
inline std::size_t memory_of(const Buffer& body) { return std::min(body.capacity(), body.size() * 2); }

// The server adds Content-Length (or chunked framing) and Date. Without a content-type field none is sent.
struct Response {
    int status = 200;
    HeaderList headers;
    Buffer body;
    // If set, body is ignored: the head is sent at once, then the producer runs on the request's core; the response
    // ends when its task ends. The request stays valid meanwhile. Not started when no body is sent: for HEAD requests,
    // for 204 and 304, and when the client has gone before the response.
    BodyProducer producer;
    // Memory that the handler has taken for the body from core::MemoryUse::replies; the server takes the missing part,
    // and gives all of it back once the body is sent.
    core::MemoryLease memory;
    // HTTP/1.1: the connection is closed after this response. HTTP/2: the connection takes no further requests.
    bool close_connection = false;
};

// The rate at which a request body has to arrive. A buffered body that is too slow ends with 408, a streamed body with
// BodyPiece::Kind::broken. For a streamed body only time in which a read waits counts, not the time between reads.
struct Pace {
    std::int64_t total_ms = 0;  // time from the head to the end of the body; 0: unlimited
    std::int64_t idle_ms = 0;   // time without a byte; 0: unlimited
    std::int64_t rate_min = 0;  // bytes per second, on average over ServerOptions::body_rate_window_ms; 0: no minimum
};

// The standard phrase for a status code, such as "Not Found".
std::string_view reason_phrase(int status);

}  // namespace riacho::http
