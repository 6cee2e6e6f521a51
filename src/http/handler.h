// Handler: the interface between the HTTP server and the program.
#pragma once

#include <cstddef>
#include <optional>

#include "core/task_fwd.h"
#include "http/message.h"

namespace riacho::http {

// The decision of Handler::on_head.
struct BodyPlan {
    static constexpr std::size_t size_max_default = std::size_t{16} << 20;
    // A larger body is answered with 413, without a body, and the connection (or stream) is closed; a streamed body
    // that exceeds it while arriving becomes `broken`.
    std::size_t size_max = size_max_default;
    // handle() is called at once and reads the body through Request::stream(), while or before the response is sent. If
    // it leaves a part unread, an HTTP/1.1 connection is closed; over HTTP/2 the flow-control window does not open for
    // the unread part. A client that waits for 100 Continue receives it before anything else.
    bool stream = false;
    // The limits of ServerOptions if absent.
    std::optional<Pace> pace;
    // If set, this response is sent: the body is not read and handle() is not called. A producer is not allowed here.
    std::optional<Response> answer;
};

// Called by the server for each request; on every core concurrently.
class Handler {
public:
    // Called when the head is complete and the body is not read. Must not block.
    virtual BodyPlan on_head(const Request& request);
    // Called when the request is complete, or after on_head() if its body is streamed. The request outlives the task
    // and the task of the response's producer; every read of the body has ended when the last of them ends. Requests of
    // one HTTP/1.1 connection are handled one after another, streams of one HTTP/2 connection concurrently. An
    // exception becomes a 500 without a body. The task always runs to its end, even if the client has gone.
    virtual Task<Response> handle(Request& request) = 0;
    // The answer (503) to a request for which the server has no memory. Its head is complete; its body may be missing.
    // Must not block. A producer is not allowed here.
    virtual Response overloaded(const Request& request);

protected:
    ~Handler() = default;
};

}  // namespace riacho::http
