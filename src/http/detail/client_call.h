// Call: the state of one outbound call on its core: its timeouts and its current wait.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/time.h"
#include "core/clock.h"
#include "core/task.h"
#include "core/timer.h"
#include "http/client.h"
#include "http/detail/transport.h"

namespace riacho::http::detail {

// Used on its core only. Waits end early when a timeout expires or the client is stopped; callers check ended() after
// each wait.
class Call {
public:
    enum class End : std::uint8_t { none, timeout, stopped };

    Call(core::Core& core, const core::Clock& clock, const ClientRequest& request);

    [[nodiscard]] core::Core& core() { return core_; }
    [[nodiscard]] End ended() const { return ended_; }
    [[nodiscard]] std::int64_t connect_timeout_ms() const { return connect_ms_; }
    void stop() { end(End::stopped); }
    // From here to end_connect() the connect timeout applies, too.
    void begin_connect();
    void end_connect() { connect_by_ns_ = INT64_MAX; }
    // Bytes moved: restarts the idle timeout.
    void moved() { ++moves_; }

    // Waits until the socket is ready.
    Task<void> ready(Transport& transport, IoState wanted);
    // Waits until wake().
    Task<void> pause();
    void wake();

    // The error for a call that ended() early.
    [[nodiscard]] SendError error(const std::string& where) const;

    bool sent = false;     // a byte of the request was written to a connection
    bool started = false;  // the request's producer was started
    Call* previous = nullptr;
    Call* next = nullptr;

private:
    void end(End how);
    void schedule();
    void look();

    core::Core& core_;
    const core::Clock& clock_;
    core::Timer timer_;
    const std::int64_t connect_ms_;
    const std::int64_t idle_ms_;
    std::int64_t total_by_ns_ = INT64_MAX;
    std::int64_t connect_by_ns_ = INT64_MAX;
    std::int64_t idle_by_ns_ = INT64_MAX;
    std::uint64_t moves_ = 0;
    std::uint64_t moves_seen_ = 0;
    End ended_ = End::none;
    Transport* transport_ = nullptr;
    core::Wakeup* paused_ = nullptr;
};

}  // namespace riacho::http::detail
