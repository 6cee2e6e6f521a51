// ServiceManager: tells systemd (`Type=notify`) how far the process is. Protocol: sd_notify(3), datagrams to
// NOTIFY_SOCKET.
#pragma once

#include <string>
#include <string_view>

namespace riacho::server {

// Has its socket from the start on: a message must not get lost because clients have taken all descriptors.
class ServiceManager {
public:
    // socket_path: the value of NOTIFY_SOCKET; empty without one. A value that names no socket is as none.
    explicit ServiceManager(std::string_view socket_path);
    ~ServiceManager();
    ServiceManager(const ServiceManager&) = delete;
    ServiceManager& operator=(const ServiceManager&) = delete;

    // state: "READY=1" or "STOPPING=1". Waits at most 5 s for a manager that takes nothing; what cannot be sent is
    // dropped, since the process serves all the same.
    void notify(std::string_view state) const;

private:
    std::string path_;
    int socket_ = -1;
};

}  // namespace riacho::server
