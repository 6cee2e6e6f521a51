// Parses HTTP/1.1 replies: the head with the scanner of requests and Beast's grammar, then the body by its framing (RFC
// 9112 section 6.3). A reply whose end is ambiguous is refused.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/buffer.h"
#include "http/client.h"
#include "http/detail/chunk_decoder.h"
#include "http/detail/h1_parser.h"
#include "http/message.h"
#include "http/server.h"

namespace riacho::http::detail {

// Properties of the request that determine the reply's framing, and the bound of the reply's body.
struct ReplyRules {
    bool has_no_body = false;  // the request was HEAD, or a CONNECT, whose 2xx reply ends with its head
    std::size_t body_size_max = 0;
};

// One reply. Pure: no I/O, no clock.
class ReplyParser {
public:
    explicit ReplyParser(ReplyRules rules);

    enum class State : std::uint8_t {
        head,       // the head is incomplete
        body,       // the head is complete, the body is not
        done,       // the reply is complete
        too_large,  // the head or the body exceeds its bound
        broken      // not a reply, or cut short by the end of the stream
    };
    // Appends decoded bytes to the body. Stops after the head, so that the caller can examine it before the body, and
    // after the end of the reply; `used` is the number of bytes consumed from `received`.
    struct Fed {
        State state = State::head;
        std::size_t used = 0;
    };
    Fed feed(std::string_view received, Buffer& body);
    // Call it at the end of the stream: completes a body that is delimited by it; any other unfinished reply is broken.
    State finish();

    // Valid once the head is complete. Interim replies (1xx) are dropped.
    [[nodiscard]] int status() const { return status_; }
    [[nodiscard]] HeaderList& headers() { return headers_; }
    // The declared length of the body, if there is one.
    [[nodiscard]] std::optional<std::uint64_t> content_length() const { return length_; }
    // Whether the connection can carry another request once the reply is done.
    [[nodiscard]] bool keep_alive() const { return keep_alive_ && framing_ != Framing::until_end; }
    // Whether a 100 Continue was received (and dropped).
    [[nodiscard]] bool continued() const { return continued_; }
    // Whether no byte of the reply was received.
    [[nodiscard]] bool is_untouched() const { return untouched_; }

private:
    enum class Framing : std::uint8_t { none, sized, chunked, until_end };

    State take_head(std::string_view received, std::size_t& used);
    State end_of_head(std::string_view head);
    State begin_body();
    State take_sized(std::string_view received, Buffer& body, std::size_t& used);
    State take_chunked(std::string_view received, Buffer& body, std::size_t& used);

    ReplyRules rules_;
    HeadScanner scanner_;
    std::string head_;
    State state_ = State::head;
    Framing framing_ = Framing::none;
    std::optional<ChunkDecoder> chunks_;
    std::optional<std::uint64_t> length_;
    std::uint64_t left_ = 0;   // remaining bytes of a sized body
    std::size_t total_ = 0;    // bytes of the body so far
    std::size_t interim_ = 0;  // number of interim replies dropped
    HeaderList headers_;
    int status_ = 0;
    bool keep_alive_ = true;
    bool chunked_ = false;
    bool continued_ = false;
    bool untouched_ = true;
};

}  // namespace riacho::http::detail
