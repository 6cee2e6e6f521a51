// Operations that answer with an event stream: a producer writes frames while its client reads.
#pragma once

#include <functional>
#include <span>
#include <string_view>

#include "core/task_fwd.h"

namespace riacho::aws {

// Writes the frames. Lives as long as the producer's task.
class EventWriter {
public:
    // Sends whole frames at once, and completes when the client's flow control has taken them. False: the client has
    // gone, or the server is closing the connection; the producer should end. Without a byte nothing is sent, and the
    // result is whether the client is still connected.
    virtual Task<bool> write(std::string_view frames) = 0;
    // As write(frames), for pieces that follow one another, without joining them first: one chunk over HTTP/1.1.
    virtual Task<bool> write(std::span<const std::string_view> pieces) = 0;
    // True once the server is stopping.
    [[nodiscard]] virtual bool stopping() const = 0;

protected:
    ~EventWriter() = default;
};

// Runs after the reply's headers and the initial-response frame were sent. Must own all objects it uses: the request's
// input no longer exists.
using EventProducer = std::function<Task<void>(EventWriter&)>;

}  // namespace riacho::aws
