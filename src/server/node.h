// Node: all components of one riacho process, constructed, run and destroyed in the right order.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/exit_code.h"
#include "base/result.h"
#include "server/config.h"

namespace riacho::server {

struct StartError {
    ExitCode exit_code;
    std::string message;  // one sentence for the operator
};

// Constructed, stopped and destroyed on the main thread.
class Node {
public:
    // Opens the data directory, recovers its content, and listens. The streams of Config::create_streams exist when it
    // returns. on_failure is called from another thread, once, when the disk has failed and the process should end;
    // on_progress from this one, often, while a journal is replayed.
    static Expected<std::unique_ptr<Node>, StartError> start(const Config& config, std::function<void()> on_failure,
                                                             std::function<void()> on_progress = {});
    ~Node();

    [[nodiscard]] std::string address() const;  // "127.0.0.1:4566"

    // Stops accepting, waits at most grace_ms for requests in progress, and writes everything to disk. Idempotent.
    void stop(std::int64_t grace_ms);

private:
    struct Impl;
    explicit Node(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

}  // namespace riacho::server
