// Operations that answer with an event stream: a producer that writes frames while its client reads.
#pragma once

#include <functional>
#include <span>
#include <string_view>

#include "core/task_fwd.h"

namespace riacho::aws {

// Where the frames go. Lives while the producer's task does.
class EventWriter {
public:
    // Sends whole frames at once, and completes when the client's flow control has taken them. False: the client has
    // gone, or the server stops; the producer should end.
    virtual Task<bool> write(std::string_view frames) = 0;
    // The same for pieces that follow one another, without joining them first: one chunk over HTTP/1.1.
    virtual Task<bool> write(std::span<const std::string_view> pieces) = 0;
    // True once the server is stopping.
    [[nodiscard]] virtual bool stopping() const = 0;

protected:
    ~EventWriter() = default;
};

// Runs after the reply's headers and the initial-response frame were sent. Must own what it uses: the request's input
// is gone by then.
using EventProducer = std::function<Task<void>(EventWriter&)>;

}  // namespace riacho::aws
