// `riacho user` and `riacho clock`: administration through the running server; of credentials, if there is none,
// through one started for the moment.
#include <arpa/inet.h>
#include <fmt/format.h>
#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <optional>
#include <sstream>

#include "server/admin.h"
#include "server/commands.h"
#include "server/exit_code.h"
#include "server/node.h"

namespace riacho::server {
namespace {

struct Contact {
    std::string host;
    std::string port;
    std::string token;
};

struct Answer {
    int status = 0;
    std::string body;
};

std::string json_text(const std::string& json, const std::string& name) {
    const std::string key = "\"" + name + "\":\"";
    const auto start = json.find(key);
    if (start == std::string::npos) return {};
    const auto begin = start + key.size();
    return json.substr(begin, json.find('"', begin) - begin);
}

std::optional<Contact> read_contact(const std::string& data_dir) {
    std::ifstream file(data_dir + "/" + admin_file);
    if (!file) return std::nullopt;
    std::stringstream content;
    content << file.rdbuf();
    const std::string address = json_text(content.str(), "address");
    const auto colon = address.rfind(':');
    if (colon == std::string::npos) return std::nullopt;
    Contact contact{address.substr(0, colon), address.substr(colon + 1), json_text(content.str(), "token")};
    if (contact.host.starts_with('[')) contact.host = contact.host.substr(1, contact.host.size() - 2);
    if (contact.host == "0.0.0.0") contact.host = "127.0.0.1";
    return contact;
}

int connect_to(const Contact& contact) {
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

// One request on one connection; the server closes it after the answer.
std::optional<Answer> post(const Contact& contact, std::string_view path, std::string_view body) {
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
    return Answer{std::atoi(reply.c_str() + 9), reply.substr(end + 4)};
}

std::string_view path_of(UserRequest::Action action) {
    switch (action) {
        case UserRequest::Action::add:
            return "users/add";
        case UserRequest::Action::list:
            return "users/list";
        case UserRequest::Action::remove:
            return "users/remove";
        case UserRequest::Action::rotate:
            return "users/rotate";
    }
    return "";
}

int print(const UserRequest& request, const Answer& answer) {
    if (answer.status != 200) {
        const std::string problem = json_text(answer.body, "error");
        fmt::print(stderr, "riacho: {}\n", problem.empty() ? answer.body : problem);
        return exit_failure;
    }
    if (request.json) {
        fmt::print("{}", answer.body);
        return exit_ok;
    }
    if (request.action == UserRequest::Action::list) {
        std::string_view left = answer.body;
        for (auto end = left.find('}'); end != std::string_view::npos; end = left.find('}')) {
            const std::string entry(left.substr(0, end));
            fmt::print("{:<24} {} {}\n", json_text(entry, "user"), json_text(entry, "account"),
                       json_text(entry, "access_key_id"));
            left.remove_prefix(end + 1);
        }
        return exit_ok;
    }
    if (request.action == UserRequest::Action::remove) {
        fmt::print("removed {}\n", request.name);
        return exit_ok;
    }
    fmt::print(
        "user                  {}\naccount               {}\naws_access_key_id     {}\naws_secret_access_key {}\n",
        request.name, json_text(answer.body, "account"), json_text(answer.body, "access_key_id"),
        json_text(answer.body, "secret_access_key"));
    return exit_ok;
}

}  // namespace

int user(const UserRequest& request) {
    const std::string body = fmt::format("name={}\naccount={}\n", request.name, request.account);
    if (const auto contact = read_contact(request.data_dir)) {
        if (const auto answer = post(*contact, path_of(request.action), body)) return print(request, *answer);
    }
    core::configure_log(core::LogLevel::error, core::LogFormat::logfmt);
    auto resolved =
        resolve_config({{"data-dir", {request.data_dir}}, {"listen", {"127.0.0.1:0"}}, {"ephemeral", {"false"}}});
    if (!resolved) {
        fmt::print(stderr, "riacho: {}\n", resolved.error());
        return exit_usage;
    }
    resolved->config.create_streams.clear();
    resolved->config.port_file.clear();
    auto node = Node::start(resolved->config, [] {});
    if (!node) {
        fmt::print(stderr, "riacho: {}\n", node.error().message);
        return node.error().exit_code;
    }
    const auto contact = read_contact(request.data_dir);
    const auto answer = contact ? post(*contact, path_of(request.action), body) : std::nullopt;
    (*node)->stop(0);
    if (!answer) {
        fmt::print(stderr, "riacho: the server did not answer\n");
        return exit_failure;
    }
    return print(request, *answer);
}

int advance_clock(const std::string& data_dir, std::int64_t span_ms) {
    const auto contact = read_contact(data_dir);
    const auto answer = contact ? post(*contact, "clock/advance", fmt::format("ms={}\n", span_ms)) : std::nullopt;
    if (!answer) {
        fmt::print(stderr, "riacho: no server runs on {}\n", data_dir);
        return exit_failure;
    }
    if (answer->status == 200) return exit_ok;
    fmt::print(stderr, "riacho: {}\n", json_text(answer->body, "error"));
    return exit_failure;
}

}  // namespace riacho::server
