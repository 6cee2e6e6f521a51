// Decodes chunked bodies (RFC 9112 section 7.1), byte by byte and more strictly than the grammar requires: input that
// other parsers read differently is refused. Beast's decoder is not used, because input can trigger its assertions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/buffer.h"
#include "http/server.h"

namespace riacho::http::detail {

class ChunkDecoder {
public:
    ChunkDecoder(const ServerOptions& options, std::size_t body_size_max)
        : options_(options), body_size_max_(body_size_max) {}

    struct Fed {
        std::size_t used = 0;  // all bytes, unless the body ended or was refused
        bool done = false;
        int refused = 0;  // the status code of the refusal: 400, 413 or 431
    };
    // Appends the decoded data to the body. Trailer fields are checked and dropped.
    Fed feed(std::string_view received, Buffer& body);

private:
    enum class State : std::uint8_t {
        size,
        extension,
        size_end,
        data,
        data_cr,
        data_lf,
        line,  // at the beginning of a trailer field or of the last line
        name,
        value,
        value_end,
        last_lf,
        done
    };
    // Returns the status code to refuse with, or 0.
    int take(char c, const Buffer& body);
    int take_size(char c, const Buffer& body);
    int take_trailer(char c);

    const ServerOptions& options_;
    std::size_t body_size_max_;
    State state_ = State::size;
    std::uint64_t chunk_size_ = 0;  // in state data: the bytes that are still missing
    std::size_t digits_ = 0;
    std::size_t extension_size_ = 0;
    std::size_t trailer_size_ = 0;
    std::size_t trailer_count_ = 0;
};

}  // namespace riacho::http::detail
