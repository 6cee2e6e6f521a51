#include "server/service_manager.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstddef>
#include <cstring>

#include "core/log.h"

namespace riacho::server {
namespace {

constexpr int send_timeout_s = 5;
constexpr std::int64_t report_interval_ns = 5'000'000'000;

// A path, or an abstract name that begins with @. The third form, vsock:CID:PORT, is for whole virtual machines.
bool is_socket_path(std::string_view path) {
    return path.size() >= 2 && path.size() < sizeof(sockaddr_un::sun_path) && (path[0] == '/' || path[0] == '@');
}

}  // namespace

ServiceManager::ServiceManager(std::string_view socket_path) : path_(socket_path) {
    if (!is_socket_path(path_)) return;
    socket_ = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (socket_ < 0) return;
    const timeval timeout{send_timeout_s, 0};
    ::setsockopt(socket_, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof timeout);
}

ServiceManager::~ServiceManager() {
    if (socket_ >= 0) ::close(socket_);
}

void ServiceManager::notify(std::string_view state) const {
    if (socket_ < 0) return;
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path_.data(), path_.size());
    if (path_[0] == '@') address.sun_path[0] = '\0';  // an abstract name ends where the address does
    const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path_.size());
    static_cast<void>(
        ::sendto(socket_, state.data(), state.size(), MSG_NOSIGNAL, reinterpret_cast<const sockaddr*>(&address), size));
}

void StartReport::progress() {
    const MonotonicNs now = clock_.monotonic();
    if (reported_ && now.value() - reported_->value() < report_interval_ns) return;
    // From now on; longer than a disk that works takes for anything.
    manager_.notify("EXTEND_TIMEOUT_USEC=600000000\nSTATUS=reading the journal");
    if (reported_) {
        core::log_line(core::LogLevel::info, "still starting: the journal is being read",
                       {{"seconds", (now.value() - started_.value()) / 1'000'000'000}});
    }
    reported_ = now;
}

void StartReport::ready() {
    if (reported_) manager_.notify("STATUS=");
    manager_.notify("READY=1");
}

}  // namespace riacho::server
