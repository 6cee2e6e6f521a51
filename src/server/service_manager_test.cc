#include "server/service_manager.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <cstring>
#include <filesystem>
#include <string>

namespace riacho::server {
namespace {

// The manager's end: a datagram socket at a path, or at an abstract name if it begins with @.
class Manager {
public:
    explicit Manager(const std::string& path) : socket_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::memcpy(address.sun_path, path.data(), path.size());
        if (path[0] == '@') address.sun_path[0] = '\0';
        const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size());
        EXPECT_EQ(::bind(socket_, reinterpret_cast<sockaddr*>(&address), size), 0);
    }
    ~Manager() { ::close(socket_); }
    Manager(const Manager&) = delete;
    Manager& operator=(const Manager&) = delete;

    // The next message; empty if there is none.
    std::string receive() {
        std::array<char, 256> text{};
        const auto size = ::recv(socket_, text.data(), text.size(), MSG_DONTWAIT);
        return {text.data(), size > 0 ? static_cast<std::size_t>(size) : 0};
    }

private:
    int socket_;
};

std::string unique(const char* name) { return std::string(name) + std::to_string(::getpid()); }

TEST(ServiceManager, sends_to_a_path) {
    const std::string path = (std::filesystem::temp_directory_path() / unique("riacho-notify-")).string();
    {
        Manager manager(path);
        const ServiceManager ours(path);
        EXPECT_EQ(manager.receive(), "");
        ours.notify("READY=1");
        ours.notify("STOPPING=1");
        EXPECT_EQ(manager.receive(), "READY=1");
        EXPECT_EQ(manager.receive(), "STOPPING=1");
    }
    std::filesystem::remove(path);
}

TEST(ServiceManager, sends_to_an_abstract_name) {
    const std::string path = unique("@riacho-notify-");
    Manager manager(path);
    ServiceManager(path).notify("READY=1");
    EXPECT_EQ(manager.receive(), "READY=1");
}

TEST(ServiceManager, goes_without_a_manager) {
    for (const std::string& path :
         {std::string(), std::string("@"), std::string("vsock:2:1234"), std::string("relative"),
          "/" + std::string(200, 'x'), std::string("/nowhere/riacho")}) {
        ServiceManager(path).notify("READY=1");
    }
}

TEST(StartReport, extends_the_time_of_a_start_that_goes_on) {
    const std::string path = unique("@riacho-notify-");
    Manager manager(path);
    const ServiceManager ours(path);
    core::ManualClock clock(TimestampMs(0));
    StartReport report(ours, clock);
    constexpr const char* extension = "EXTEND_TIMEOUT_USEC=600000000\nSTATUS=reading the journal";
    for (int i = 0; i < 100; ++i) report.progress();
    EXPECT_EQ(manager.receive(), extension);
    EXPECT_EQ(manager.receive(), "") << "one message, however much is done";
    clock.advance_ms(4'999);
    report.progress();
    EXPECT_EQ(manager.receive(), "");
    clock.advance_ms(1);
    report.progress();
    EXPECT_EQ(manager.receive(), extension);
    report.ready();
    EXPECT_EQ(manager.receive(), "STATUS=");
    EXPECT_EQ(manager.receive(), "READY=1");
}

TEST(StartReport, says_nothing_of_a_quick_start) {
    const std::string path = unique("@riacho-notify-");
    Manager manager(path);
    const ServiceManager ours(path);
    const core::SystemClock clock;
    StartReport(ours, clock).ready();
    EXPECT_EQ(manager.receive(), "READY=1");
}

}  // namespace
}  // namespace riacho::server
