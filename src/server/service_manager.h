// ServiceManager: notifies systemd (`Type=notify`) of the state of the process. Protocol: sd_notify(3), datagrams to
// NOTIFY_SOCKET.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/clock.h"

namespace riacho::server {

// Has its socket from the start on: a message must not get lost because clients have taken all descriptors.
class ServiceManager {
public:
    // socket_path: the value of NOTIFY_SOCKET; empty without one. A value that names no socket is as none.
    explicit ServiceManager(std::string_view socket_path);
    ~ServiceManager();
    ServiceManager(const ServiceManager&) = delete;
    ServiceManager& operator=(const ServiceManager&) = delete;

    // state: "READY=1", "STOPPING=1" and the like. Waits at most 5 s for a manager that takes nothing; what cannot be
    // sent is dropped, since the process serves all the same.
    void notify(std::string_view state) const;

private:
    std::string path_;
    int socket_ = -1;
};

// Tells a manager, and whoever reads the log, that a start goes on. A manager that hears nothing ends the process after
// its TimeoutStartSec, and the next start would have as much to read. A start that hangs makes no progress, and is
// ended.
class StartReport {
public:
    // Both outlive it.
    StartReport(const ServiceManager& manager, const core::Clock& clock)
        : manager_(manager), clock_(clock), started_(clock.monotonic()) {}

    // Something was done; may be called any number of times. The first call and then one every few seconds is reported.
    void progress();
    // The server accepts connections.
    void ready();

private:
    const ServiceManager& manager_;
    const core::Clock& clock_;
    MonotonicNs started_;
    std::optional<MonotonicNs> reported_;
};

}  // namespace riacho::server
