// Shared by the tests of this folder: a server whose handler answers by path, and a blocking client.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include "core/clock.h"
#include "core/runtime.h"
#include "core/task.h"
#include "http/handler.h"
#include "http/server.h"

namespace riacho::http::test {

// Answers by path: /echo the body, /size its size, /fill?N N bytes, /stream?N N pieces of 1000 bytes, /endless pieces
// until the client has gone, /wait when the test calls release(), /wait-stream likewise with a streamed response (?N:
// of status N), /throw, /throw-early in on_head, /padding after reading the padding, /about the request's properties,
// /close with close_connection. /refuse is answered from on_head, /tiny takes 10 bytes, /id?N has a header of N.
class PathHandler final : public Handler {
public:
    BodyPlan on_head(const Request& request) override {
        BodyPlan limit;
        if (request.path() == "/refuse") {
            limit.answer.emplace();
            limit.answer->status = 403;
            limit.answer->body.append("refused");
        }
        if (request.path() == "/tiny") limit.size_max = 10;
        if (request.path() == "/throw-early") throw std::runtime_error("as asked");
        return limit;
    }
    Task<Response> handle(Request& request) override {
        ++handled;
        Response response;
        const std::string_view path = request.path();
        const auto number = std::strtoull(std::string(request.query()).c_str(), nullptr, 10);
        if (path == "/echo" || path == "/tiny") response.body.append(request.body());
        if (path == "/size") response.body.append(std::to_string(request.body().size()));
        if (path == "/fill") response.body.append(std::string(number, 'f'));
        if (path == "/stream")
            response.producer = [number](BodyWriter& writer) { return write_pieces(writer, number); };
        if (path == "/endless") response.producer = [this](BodyWriter& writer) { return write_endlessly(writer); };
        if (path == "/wait") co_await wait(request.core());
        if (path == "/wait-stream") {
            co_await wait(request.core());
            if (number != 0) response.status = static_cast<int>(number);
            response.producer = [](BodyWriter& writer) { return write_pieces(writer, 3); };
        }
        if (path == "/throw") throw std::runtime_error("as asked");
        if (path == "/padding") response.body.append(std::to_string(sum(request.body())));
        if (path == "/about") response.body.append(describe(request));
        if (path == "/id") response.headers.add("x-id", std::string(number, 'i'));
        if (path == "/close") response.close_connection = true;
        co_return response;
    }

    Response overloaded(const Request&) override {
        Response response;
        response.status = 503;
        response.body.append("overloaded");
        return response;
    }

    // Releases every waiting and every later /wait.
    void release() {
        const std::lock_guard lock(mutex_);
        released_ = true;
        for (const auto& [wakeup, core] : waiting_) core->wake(*wakeup);
        waiting_.clear();
    }

    std::atomic<int> handled = 0;
    std::atomic<int> endless_ended = 0;
    std::atomic<std::uint64_t> endless_written = 0;

private:
    static Task<void> write_pieces(BodyWriter& writer, unsigned long long count) {
        const std::string piece(1000, 's');
        for (unsigned long long i = 0; i < count; ++i) {
            const bool written = co_await writer.write(piece);
            if (!written) co_return;
        }
    }
    Task<void> write_endlessly(BodyWriter& writer) {
        const std::string piece(64 * 1024, 'e');
        for (bool written = true; written; endless_written += piece.size()) written = co_await writer.write(piece);
        ++endless_ended;
    }
    Task<void> wait(core::Core& core) {
        co_await core::suspend([this, &core](core::Wakeup& wakeup) {
            const std::lock_guard lock(mutex_);
            if (released_) {
                core.wake(wakeup);
            } else {
                waiting_.emplace_back(&wakeup, &core);
            }
        });
    }
    static unsigned sum(std::string_view body) {
        unsigned total = 0;
        for (std::size_t i = 0; i < body.size() + Request::body_padding; ++i) {
            const volatile char c = body.data()[i];
            if (i < body.size()) total += static_cast<unsigned char>(c);
        }
        return total;
    }
    static std::string describe(const Request& request) {
        std::string text;
        const auto add = [&text](std::string_view name, std::string_view value) {
            text.append(name).append("=").append(value).append("\n");
        };
        add("method", request.method());
        add("target", request.target());
        add("path", request.path());
        add("query", request.query());
        add("authority", request.authority());
        add("peer", request.peer());
        add("secure", request.secure() ? "yes" : "no");
        add("version", std::to_string(static_cast<int>(request.version())));
        add("x-test", request.find("X-TEST").value_or("none"));
        return text;
    }

    std::mutex mutex_;
    bool released_ = false;
    std::vector<std::pair<core::Wakeup*, core::Core*>> waiting_;
};

// A running server; stopped by the destructor.
struct TestServer {
    explicit TestServer(ServerOptions options = {}, std::size_t cores = 1, core::Clock* other_clock = nullptr,
                        const core::MemoryBudget::Shares& shares = core::MemoryBudget::unlimited())
        : memory(shares),
          runtime(cores),
          server(quick(std::move(options)), runtime, other_clock ? *other_clock : system_clock, handler, memory) {
        const auto listening = server.listen();
        if (!listening) throw std::runtime_error(listening.error().message);
        runtime.start();
    }
    ~TestServer() {
        handler.release();
        server.stop(0);
        runtime.stop();
    }
    static ServerOptions quick(ServerOptions options) {
        options.sweep_interval_ms = 2;
        return options;
    }

    core::SystemClock system_clock;
    core::MemoryBudget memory;
    PathHandler handler;
    core::Runtime runtime;
    Server server;
};

struct TestResponse {
    int status = 0;  // 0: the connection ended first
    std::map<std::string, std::string> headers;
    std::string body;
};

// A blocking connection. Reads time out after ten seconds, longer than any passing test waits.
class TestClient {
public:
    explicit TestClient(std::uint16_t port, int receive_buffer = 0)
        : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        if (fd_ < 0) throw std::runtime_error("socket");
        if (receive_buffer > 0) setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(port);
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        if (::connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
            throw std::runtime_error("connect");
        set_timeout_ms(10'000);
        const int on = 1;
        setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    }
    ~TestClient() { ::close(fd_); }
    TestClient(const TestClient&) = delete;
    TestClient& operator=(const TestClient&) = delete;

    [[nodiscard]] int fd() const { return fd_; }
    void set_timeout_ms(int ms) {
        const timeval t{.tv_sec = ms / 1000, .tv_usec = (ms % 1000) * 1000};
        setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof t);
    }
    // False if the server closed meanwhile.
    bool send(std::string_view data) {
        while (!data.empty()) {
            const ssize_t n = ::send(fd_, data.data(), data.size(), MSG_NOSIGNAL);
            if (n <= 0) return false;
            data.remove_prefix(static_cast<std::size_t>(n));
        }
        return true;
    }
    void finish_sending() { ::shutdown(fd_, SHUT_WR); }
    // False at the end of the stream, after a reset, or after a timeout (then timed_out is set).
    bool fill() {
        char buffer[65536];
        const ssize_t n = ::recv(fd_, buffer, sizeof buffer, 0);
        timed_out = n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
        if (n <= 0) return false;
        received.append(buffer, static_cast<std::size_t>(n));
        return true;
    }
    // True if the server ends the connection without sending more than the bytes already received.
    bool is_closed_by_server() { return received.empty() && !fill() && !timed_out; }
    std::string read_to_end() {
        while (fill()) {
        }
        return std::exchange(received, {});
    }
    TestResponse read_response(bool has_body = true) {
        TestResponse response;
        std::size_t end = 0;
        while ((end = received.find("\r\n\r\n")) == std::string::npos) {
            if (!fill()) return response;
        }
        parse_head(response, received.substr(0, end));
        received.erase(0, end + 4);
        if (!has_body || response.status < 200) return response;
        if (response.headers.contains("transfer-encoding")) {
            read_chunks(response);
        } else if (response.headers.contains("content-length")) {
            const auto size = std::stoull(response.headers["content-length"]);
            while (received.size() < size && fill()) {
            }
            response.body = received.substr(0, size);
            received.erase(0, size);
        }
        return response;
    }
    TestResponse request(std::string_view text) {
        send(text);
        return read_response();
    }

    std::string received;
    bool timed_out = false;

private:
    static void parse_head(TestResponse& response, std::string_view head) {
        response.status = std::atoi(std::string(head.substr(9, 3)).c_str());
        for (std::size_t at = head.find("\r\n"); at != std::string_view::npos;) {
            const std::size_t next = head.find("\r\n", at + 2);
            const std::string_view line = head.substr(at + 2, next == std::string_view::npos ? next : next - at - 2);
            const std::size_t colon = line.find(": ");
            response.headers.emplace(line.substr(0, colon), line.substr(colon + 2));
            at = next;
        }
    }
    void read_chunks(TestResponse& response) {
        for (;;) {
            std::size_t end = 0;
            while ((end = received.find("\r\n")) == std::string::npos) {
                if (!fill()) return;
            }
            const auto size = std::strtoull(received.c_str(), nullptr, 16);
            while (received.size() < end + 2 + size + 2) {
                if (!fill()) return;
            }
            response.body.append(received, end + 2, size);
            received.erase(0, end + 2 + size + 2);
            if (size == 0) {
                response.headers["complete"] = "yes";
                return;
            }
        }
    }

    int fd_;
};

inline std::string get(std::string_view target) {
    return "GET " + std::string(target) + " HTTP/1.1\r\nHost: test\r\n\r\n";
}
inline std::string post(std::string_view target, std::string_view body) {
    return "POST " + std::string(target) + " HTTP/1.1\r\nHost: test\r\nContent-Length: " + std::to_string(body.size()) +
           "\r\n\r\n" + std::string(body);
}

}  // namespace riacho::http::test
