// HTTP/1.1 replies from bytes: the head by the same scanner as requests and Beast's grammar, then the body by its
// framing (RFC 9112 section 6.3). A reply whose end could be read in two ways is refused.
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

// What belongs to the request, and the bound of the reply.
struct ReplyRules {
    bool has_no_body = false;  // the request was HEAD, or a CONNECT, whose 2xx ends with its head
    std::size_t body_size_max = 0;
};

// One reply. Pure: no I/O, no clock.
class ReplyParser {
public:
    explicit ReplyParser(ReplyRules rules);

    enum class State : std::uint8_t {
        head,       // more is needed for the head
        body,       // the head is complete, the body is not
        done,       // the reply is complete
        too_large,  // the head or the body exceeds its bound
        broken      // not a reply, or cut short by the end of the stream
    };
    // Appends what belongs to the body. Stops right behind the head, so that the caller can look at it before the body
    // comes, and behind the end of the reply; `used` says how much of `received` was taken.
    struct Fed {
        State state = State::head;
        std::size_t used = 0;
    };
    Fed feed(std::string_view received, Buffer& body);
    // The stream has ended: the end of a body that has no other, otherwise a reply that was cut short.
    State finish();

    // Valid once the head is complete. Interim replies (1xx) are dropped.
    [[nodiscard]] int status() const { return status_; }
    [[nodiscard]] HeaderList& headers() { return headers_; }
    // The declared length of the body, if it has one.
    [[nodiscard]] std::optional<std::uint64_t> content_length() const { return length_; }
    // Whether the connection can carry another request once the reply is done.
    [[nodiscard]] bool keep_alive() const { return keep_alive_ && framing_ != Framing::until_end; }
    // A 100 Continue was among what was dropped.
    [[nodiscard]] bool continued() const { return continued_; }
    // Nothing of the reply has come.
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
    std::uint64_t left_ = 0;   // of a sized body
    std::size_t total_ = 0;    // of the body, so far
    std::size_t interim_ = 0;  // replies dropped
    HeaderList headers_;
    int status_ = 0;
    bool keep_alive_ = true;
    bool chunked_ = false;
    bool continued_ = false;
    bool untouched_ = true;
};

}  // namespace riacho::http::detail
