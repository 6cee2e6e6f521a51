#include "cli/admin_client.h"

#include <fmt/format.h>
#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

namespace riacho::cli {
namespace {

int connect_to(const AdminContact& contact) {
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* found = nullptr;
    if (getaddrinfo(contact.host.c_str(), contact.port.c_str(), &hints, &found) != 0) return -1;
    const int fd = ::socket(found->ai_family, found->ai_socktype | SOCK_CLOEXEC, found->ai_protocol);
    const bool connected = fd >= 0 && ::connect(fd, found->ai_addr, found->ai_addrlen) == 0;
    freeaddrinfo(found);
    if (connected) return fd;
    if (fd >= 0) ::close(fd);
    return -1;
}

}  // namespace

std::string admin_text(const std::string& json, const std::string& name) {
    const std::string key = "\"" + name + "\":\"";
    const auto start = json.find(key);
    if (start == std::string::npos) return {};
    const auto begin = start + key.size();
    return json.substr(begin, json.find('"', begin) - begin);
}

std::optional<AdminContact> read_admin_contact(const std::string& data_dir) {
    std::ifstream file(data_dir + "/admin.json");
    if (!file) return std::nullopt;
    std::stringstream content;
    content << file.rdbuf();
    const std::string address = admin_text(content.str(), "address");
    const auto colon = address.rfind(':');
    if (colon == std::string::npos) return std::nullopt;
    AdminContact contact{address.substr(0, colon), address.substr(colon + 1), admin_text(content.str(), "token")};
    if (contact.host.starts_with('[')) contact.host = contact.host.substr(1, contact.host.size() - 2);
    if (contact.host == "0.0.0.0") contact.host = "127.0.0.1";
    return contact;
}

// One request on one connection; the server closes it after the answer.
std::optional<AdminAnswer> post_admin(const AdminContact& contact, std::string_view path, std::string_view body) {
    const int fd = connect_to(contact);
    if (fd < 0) return std::nullopt;
    const std::string request = fmt::format(
        "POST /_riacho/{} HTTP/1.1\r\nhost: {}:{}\r\nauthorization: Bearer {}\r\ncontent-length: {}\r\nconnection: "
        "close\r\n\r\n{}",
        path, contact.host, contact.port, contact.token, body.size(), body);
    std::string reply;
    if (::write(fd, request.data(), request.size()) == static_cast<ssize_t>(request.size())) {
        char buffer[4096];
        for (ssize_t n = 0; (n = ::read(fd, buffer, sizeof buffer)) > 0;)
            reply.append(buffer, static_cast<std::size_t>(n));
    }
    ::close(fd);
    const auto end = reply.find("\r\n\r\n");
    if (!reply.starts_with("HTTP/1.1 ") || end == std::string::npos) return std::nullopt;
    return AdminAnswer{std::atoi(reply.c_str() + 9), reply.substr(end + 4)};
}

}  // namespace riacho::cli
