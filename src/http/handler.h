// What the HTTP server asks of the program behind it.
#pragma once

#include <cstddef>
#include <optional>

#include "core/task_fwd.h"
#include "http/message.h"

namespace riacho::http {

// What Handler::on_head decides.
struct BodyPlan {
    static constexpr std::size_t size_max_default = std::size_t{16} << 20;
    // A larger body is answered with 413, without a body, and the connection (or stream) is closed; a streamed one that
    // becomes larger than it declared is `broken`.
    std::size_t size_max = size_max_default;
    // handle() is called at once and reads the body through Request::stream(), while or before the response flows. What
    // it leaves unread costs the connection (HTTP/1.1) or is not asked for (HTTP/2). A client that waits for 100
    // Continue gets it before anything else.
    bool stream = false;
    // ServerOptions' body times if absent.
    std::optional<Pace> pace;
    // If set, this is the answer: the body is not read and handle() is not called. A producer is not allowed here.
    std::optional<Response> answer;
};

// What the server calls for each request; called on every core at the same time.
class Handler {
public:
    // The head is complete, the body not read. Must not block.
    virtual BodyPlan on_head(const Request& request);
    // The request is complete, or its body is streamed, and it outlives the task and that of the response's producer.
    // Every read of the body has ended when the last of them does. Requests of one HTTP/1.1 connection are handled one
    // after another, streams of one HTTP/2 connection side by side. An exception becomes a 500 without a body. The task
    // always runs to its end, also when the client has gone.
    virtual Task<Response> handle(Request& request) = 0;
    // The answer (503) to a request that the server has no memory for. Its head is complete; its body may not be there.
    // Must not block. A producer is not allowed here.
    virtual Response overloaded(const Request& request);

protected:
    ~Handler() = default;
};

}  // namespace riacho::http
