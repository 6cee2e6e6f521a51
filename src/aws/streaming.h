// Operations with streaming bodies: a service reads while its client writes, and writes while its client reads.
#pragma once

#include <cstdint>
#include <string_view>

#include "aws/event_stream.h"
#include "core/task_fwd.h"

namespace riacho::aws {

struct BodyPiece {
    enum class Kind : std::uint8_t {
        data,    // `data` holds the next bytes, at least one
        end,     // the body is complete, and matches the signed hash if there is one
        broken,  // the body will not be completed, or does not match the signed hash
        idle     // nothing arrived for idle_ms; the body goes on
    };
    Kind kind = Kind::end;
    std::string_view data;  // valid until the next read
};

// The body of an upload. Lives as long as the operation's task and the producer of its reply; one read at a time, which
// may be in progress while the reply is written.
class BodyReader {
public:
    // idle_ms: 0 waits without limit. After `end` or `broken` every call returns the same.
    virtual Task<BodyPiece> read(std::int64_t idle_ms) = 0;

protected:
    ~BodyReader() = default;
};

// The body of a download is written like an event stream, but without frames.
using BodyWriter = EventWriter;
using BodyProducer = EventProducer;

// A reply whose body is a stream. Members of `output` that are bound to headers become headers of the reply.
template <class Output>
struct Download {
    Output output;
    BodyProducer producer;
};

template <class>
inline constexpr bool is_download = false;
template <class Output>
inline constexpr bool is_download<Download<Output>> = true;

}  // namespace riacho::aws
