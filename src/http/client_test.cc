// The outbound client, against riacho's own server and against scripted servers.
#include "http/client.h"

#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <future>
#include <thread>

#include "http/detail/client_proxy.h"
#include "http/detail/test_certificate.h"
#include "http/detail/test_support.h"

namespace riacho::http::test {
namespace {

// A listening socket whose connections are handled one after another on a thread.
class ScriptServer {
public:
    using Script = std::function<void(int fd, int connection)>;

    explicit ScriptServer(Script script) : listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof address;
        ::bind(listener_, reinterpret_cast<sockaddr*>(&address), size);
        ::listen(listener_, 16);
        ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
        port_ = ntohs(address.sin_port);
        thread_ = std::thread([this, script = std::move(script)] {
            for (int i = 0;; ++i) {
                const int fd = ::accept(listener_, nullptr, nullptr);
                if (fd < 0) return;
                ++connections;
                script(fd, i);
                ::close(fd);
            }
        });
    }
    ~ScriptServer() {
        ::shutdown(listener_, SHUT_RDWR);
        thread_.join();
        ::close(listener_);
    }
    [[nodiscard]] std::uint16_t port() const { return port_; }
    [[nodiscard]] std::string url(std::string_view target = "/") const {
        return "http://127.0.0.1:" + std::to_string(port_) + std::string(target);
    }
    // Reads until the text ends with the given suffix, or the client has gone.
    static std::string read_until(int fd, std::string_view end) {
        std::string text;
        char c = 0;
        while (!text.ends_with(end) && ::recv(fd, &c, 1, 0) == 1) text.push_back(c);
        return text;
    }
    static void write(int fd, std::string_view text) { (void)!::send(fd, text.data(), text.size(), MSG_NOSIGNAL); }

    std::atomic<int> connections = 0;

private:
    int listener_;
    std::uint16_t port_ = 0;
    std::thread thread_;
};

struct TestRuntime {
    TestRuntime() { runtime.start(); }
    ~TestRuntime() { runtime.stop(); }
    core::SystemClock clock;
    core::Runtime runtime{1};
};

struct TestOutbound : TestRuntime {
    explicit TestOutbound(ClientOptions options = {}) : client(std::move(options), runtime, clock) {}
    Expected<ClientReply, SendError> get(std::string url) {
        ClientRequest request;
        request.url = std::move(url);
        return client.send_and_wait(std::move(request));
    }
    Expected<ClientReply, SendError> post(std::string url, std::string_view body) {
        ClientRequest request;
        request.method = "POST";
        request.url = std::move(url);
        request.body = {body};
        return client.send_and_wait(std::move(request));
    }
    Client client;
};

std::string url_of(const TestServer& server, std::string_view target, std::string_view host = "127.0.0.1") {
    return "http://" + std::string(host) + ":" + std::to_string(server.server.port()) + std::string(target);
}

std::string text_of(const Expected<ClientReply, SendError>& reply) {
    return reply ? std::string(reply->body.view()) : "error: " + std::string(name_of(reply.error().fault));
}

SendFault fault_of(const Expected<ClientReply, SendError>& reply) {
    EXPECT_FALSE(reply.has_value());
    return reply ? SendFault::stopped : reply.error().fault;
}

TEST(HttpClient, a_body_goes_out_and_a_reply_comes_back) {
    TestServer server;
    TestOutbound out;
    EXPECT_EQ(text_of(out.post(url_of(server, "/echo"), "hello")), "hello");
    EXPECT_EQ(text_of(out.post(url_of(server, "/size"), std::string(3'000'000, 'b'))), "3000000");
    const std::string about = text_of(out.get(url_of(server, "/about?a=1&b=%20", "localhost")));
    EXPECT_TRUE(about.contains("target=/about?a=1&b=%20\n")) << about;
    EXPECT_TRUE(about.contains("authority=localhost:" + std::to_string(server.server.port()) + "\n")) << about;
    EXPECT_EQ(text_of(out.get(url_of(server, "/refuse"))), "refused");
}

TEST(HttpClient, pieces_of_a_body_are_sent_in_order) {
    TestServer server;
    TestOutbound out;
    ClientRequest request;
    request.method = "POST";
    request.url = url_of(server, "/echo");
    std::string expected;
    std::vector<std::string> pieces;
    for (int i = 0; i < 100; ++i) pieces.push_back(std::string(static_cast<std::size_t>(i * 7 % 50), 'a' + i % 26));
    for (const std::string& piece : pieces) {
        request.body.push_back(piece);
        expected += piece;
    }
    EXPECT_EQ(text_of(out.client.send_and_wait(std::move(request))), expected);
}

TEST(HttpClient, a_connection_is_used_again) {
    TestServer server;
    TestOutbound out;
    for (int i = 0; i < 20; ++i) ASSERT_EQ(text_of(out.post(url_of(server, "/echo"), "x")), "x");
    EXPECT_EQ(out.client.stats().connections_made, 1U);
    EXPECT_EQ(out.client.stats().connections_reused, 19U);
    EXPECT_EQ(server.server.stats().connections_accepted, 1U);
}

TEST(HttpClient, a_connection_that_the_server_ends_is_not_used_again) {
    TestServer server;
    TestOutbound out;
    for (int i = 0; i < 5; ++i) ASSERT_TRUE(out.get(url_of(server, "/close")));
    EXPECT_EQ(out.client.stats().connections_made, 5U);
    EXPECT_EQ(out.client.stats().connections_open, 0U);
}

TEST(HttpClient, a_streamed_reply_is_read_whole_or_piece_by_piece) {
    TestServer server;
    TestOutbound out;
    EXPECT_EQ(text_of(out.get(url_of(server, "/stream?300"))), std::string(300'000, 's'));
    ClientRequest request;
    request.url = url_of(server, "/stream?5000");
    request.reply_size_max = std::size_t{1} << 30;
    std::size_t total = 0;
    std::size_t largest = 0;
    request.sink = [&](const ClientReply& reply, std::string_view piece) -> Task<bool> {
        EXPECT_EQ(reply.status, 200);
        total += piece.size();
        largest = std::max(largest, piece.size());
        return [](bool value) -> Task<bool> { co_return value; }(true);
    };
    const auto reply = out.client.send_and_wait(std::move(request));
    ASSERT_TRUE(reply) << reply.error().message;
    EXPECT_EQ(total, 5'000'000U);
    EXPECT_LE(largest, 64U * 1024);
    EXPECT_TRUE(reply->body.empty());
}

Task<bool> answer(bool value) { co_return value; }

TEST(HttpClient, a_sink_can_end_the_call) {
    TestServer server;
    TestOutbound out;
    ClientRequest request;
    request.url = url_of(server, "/endless");
    request.reply_size_max = SIZE_MAX;
    std::size_t total = 0;
    request.sink = [&](const ClientReply&, std::string_view piece) {
        total += piece.size();
        return answer(total < 1'000'000);
    };
    EXPECT_EQ(fault_of(out.client.send_and_wait(std::move(request))), SendFault::stopped);
    EXPECT_GE(total, 1'000'000U);
    while (server.handler.endless_ended == 0) std::this_thread::yield();
}

Task<void> produce_pieces(BodyWriter& body, int count) {
    const std::string piece(10'000, 'p');
    for (int i = 0; i < count; ++i) {
        const bool goes_on = co_await body.write(piece) && co_await body.write(std::string_view());
        if (!goes_on) co_return;
    }
}

TEST(HttpClient, a_produced_body_is_sent_in_chunks_or_with_its_length) {
    TestServer server;
    TestOutbound out;
    for (const bool sized : {false, true}) {
        ClientRequest request;
        request.method = "PUT";
        request.url = url_of(server, "/size");
        request.producer = [](BodyWriter& body) { return produce_pieces(body, 500); };
        if (sized) request.producer_size = 5'000'000;
        EXPECT_EQ(text_of(out.client.send_and_wait(std::move(request))), "5000000");
    }
    EXPECT_EQ(out.client.stats().connections_made, 1U);
    ClientRequest wrong;
    wrong.method = "PUT";
    wrong.url = url_of(server, "/size");
    wrong.producer = [](BodyWriter& body) { return produce_pieces(body, 3); };
    wrong.producer_size = 30'001;
    EXPECT_EQ(fault_of(out.client.send_and_wait(std::move(wrong))), SendFault::stopped);
}

// The server answers 413 after the head; the client must not lose that answer to the reset that follows.
TEST(HttpClient, an_answer_before_the_end_of_the_upload_is_seen) {
    TestServer server;
    TestOutbound out;
    const std::string body(20'000'000, 'u');
    const auto reply = out.post(url_of(server, "/tiny"), body);
    ASSERT_TRUE(reply) << reply.error().message;
    EXPECT_EQ(reply->status, 413);
    EXPECT_EQ(out.client.stats().connections_open, 0U);
}

TEST(HttpClient, replies_above_their_bound_are_too_large) {
    TestServer server;
    TestOutbound out;
    for (const std::string_view target : {"/fill?100001", "/stream?101"}) {
        ClientRequest request;
        request.url = url_of(server, target);
        request.reply_size_max = 100'000;
        EXPECT_EQ(fault_of(out.client.send_and_wait(std::move(request))), SendFault::too_large) << target;
    }
}

TEST(HttpClient, faults_before_anything_is_sent) {
    TestOutbound out;
    std::uint16_t unused = 0;
    {
        unused = ScriptServer([](int, int) {}).port();
    }
    const auto refused = out.get("http://127.0.0.1:" + std::to_string(unused) + "/");
    EXPECT_EQ(fault_of(refused), SendFault::refused);
    EXPECT_FALSE(refused.error().sent);
    for (const char* const url :
         {"ftp://host/", "http://", "http://user@host/", "http://ho st/", "http://h:0/", "/path"}) {
        EXPECT_EQ(fault_of(out.get(url)), SendFault::bad_request) << url;
    }
    ClientRequest strange;
    strange.method = "GET / HTTP/1.1\r\nx:";
    strange.url = "http://127.0.0.1/";
    EXPECT_EQ(fault_of(out.client.send_and_wait(std::move(strange))), SendFault::bad_request);
}

// A label of more than 63 characters is refused before any name server is asked.
TEST(HttpClient, a_name_without_an_address_is_a_resolve_fault) {
    TestOutbound out;
    const auto reply = out.get("http://" + std::string(64, 'a') + ".invalid/");
    EXPECT_EQ(fault_of(reply), SendFault::resolve);
    EXPECT_FALSE(reply.error().sent);
}

TEST(HttpClient, a_reset_after_sending_is_ambiguous_and_a_cut_reply_too) {
    for (const std::string_view reply : {"", "HTTP/1.1 200 O", "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nshort"}) {
        ScriptServer server([reply](int fd, int) {
            ScriptServer::read_until(fd, "\r\n\r\n");
            ScriptServer::write(fd, reply);
        });
        TestOutbound out;
        const auto result = out.get(server.url());
        EXPECT_EQ(fault_of(result), SendFault::reset) << reply;
        EXPECT_TRUE(result.error().sent);
        EXPECT_EQ(server.connections, 1);
    }
}

TEST(HttpClient, what_is_not_http_is_a_protocol_fault) {
    for (const std::string_view reply :
         {"SSH-2.0-OpenSSH\r\n\r\n", "HTTP/1.1 200 OK\nx: y\n\n", "HTTP/1.1 101 Switching Protocols\r\n\r\n",
          "HTTP/1.1 200 OK\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nabcdef",
          "HTTP/1.1 200 OK\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
          "HTTP/1.1 200 OK\r\ntransfer-encoding: gzip\r\n\r\n",
          "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nz"}) {
        ScriptServer server([reply](int fd, int) {
            ScriptServer::read_until(fd, "\r\n\r\n");
            ScriptServer::write(fd, reply);
            ScriptServer::read_until(fd, "never");
        });
        TestOutbound out;
        EXPECT_EQ(fault_of(out.get(server.url())), SendFault::protocol) << reply;
    }
}

TEST(HttpClient, interim_replies_are_skipped_and_a_body_may_end_with_the_stream) {
    ScriptServer server([](int fd, int) {
        ScriptServer::read_until(fd, "\r\n\r\n");
        ScriptServer::write(fd, "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nx: y\r\n\r\n");
        ScriptServer::write(fd, "HTTP/1.1 200 Fine\r\nX-Name: Value\r\n\r\nto the end");
    });
    TestOutbound out;
    const auto reply = out.get(server.url());
    ASSERT_TRUE(reply) << reply.error().message;
    EXPECT_EQ(reply->body.view(), "to the end");
    EXPECT_EQ(reply->headers.find("x-name"), "Value");
    EXPECT_EQ(out.client.stats().connections_open, 0U);
}

// The keep-alive race: the server closes just when the next request is sent.
TEST(HttpClient, a_pooled_connection_that_dies_unanswered_is_replaced_where_that_is_safe) {
    const auto script = [](int fd, int connection) {
        ScriptServer::read_until(fd, "\r\n\r\n");
        ScriptServer::write(fd, "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
        // The first connection swallows its second request.
        if (connection == 0) ScriptServer::read_until(fd, "\r\n\r\n");
    };
    for (const bool repeatable : {true, false}) {
        ScriptServer server(script);
        TestOutbound out;
        ASSERT_EQ(text_of(out.get(server.url())), "ok");
        ClientRequest request;
        request.method = "POST";
        request.url = server.url();
        request.repeatable = repeatable;
        const auto reply = out.client.send_and_wait(std::move(request));
        if (repeatable) {
            EXPECT_EQ(text_of(reply), "ok");
            EXPECT_EQ(server.connections, 2);
        } else {
            EXPECT_EQ(fault_of(reply), SendFault::reset);
            EXPECT_TRUE(reply.error().sent);
        }
    }
}

TEST(HttpClient, a_silent_server_meets_the_deadlines) {
    ScriptServer server([](int fd, int) {
        ScriptServer::read_until(fd, "\r\n\r\n");
        ScriptServer::write(fd, "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nshort");
        ScriptServer::read_until(fd, "never");
    });
    TestOutbound out;
    ClientRequest total;
    total.url = server.url();
    total.total_timeout_ms = 50;
    const auto late = out.client.send_and_wait(std::move(total));
    EXPECT_EQ(fault_of(late), SendFault::timeout);
    EXPECT_TRUE(late.error().sent);
    ClientRequest idle;
    idle.url = server.url();
    idle.total_timeout_ms = 0;
    idle.idle_timeout_ms = 50;
    EXPECT_EQ(fault_of(out.client.send_and_wait(std::move(idle))), SendFault::timeout);
}

// Listens on 127.0.0.1 with a full backlog: a connect() waits without an answer, as at an unreachable address.
class FullListener {
public:
    FullListener() : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof address;
        ::bind(fd_, reinterpret_cast<sockaddr*>(&address), size);
        ::listen(fd_, 0);
        ::getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &size);
        port = ntohs(address.sin_port);
        for (int& filler : fillers_) {
            filler = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
            ::connect(filler, reinterpret_cast<sockaddr*>(&address), size);
        }
    }
    ~FullListener() {
        for (const int filler : fillers_) ::close(filler);
        ::close(fd_);
    }
    FullListener(const FullListener&) = delete;
    FullListener& operator=(const FullListener&) = delete;

    std::uint16_t port = 0;

private:
    int fd_;
    int fillers_[8];
};

TEST(HttpClient, an_address_that_does_not_answer_is_given_up_for_the_next) {
    const FullListener silent;
    TestOutbound out;
    ClientRequest only;
    only.url = "http://127.0.0.1:" + std::to_string(silent.port) + "/";
    only.connect_timeout_ms = 50;
    const auto late = out.client.send_and_wait(std::move(only));
    EXPECT_EQ(fault_of(late), SendFault::timeout);
    EXPECT_FALSE(late.error().sent);
    ServerOptions options;
    options.address = "::1";
    options.port = silent.port;
    std::unique_ptr<TestServer> server;
    try {
        server = std::make_unique<TestServer>(options);
    } catch (const std::runtime_error&) {
        GTEST_SKIP() << "no IPv6 here";
    }
    ClientRequest either;
    either.url = "http://localhost:" + std::to_string(silent.port) + "/about";
    either.connect_timeout_ms = 2'000;
    const auto reply = out.client.send_and_wait(std::move(either));
    EXPECT_TRUE(text_of(reply).contains("peer=::1\n")) << text_of(reply);
}

TEST(HttpClient, calls_above_the_connections_of_a_host_wait) {
    TestServer server;
    ClientOptions options;
    options.connections_per_host_max = 2;
    TestOutbound out(options);
    std::vector<std::future<std::string>> calls;
    for (int i = 0; i < 6; ++i) {
        calls.push_back(std::async(std::launch::async, [&] { return text_of(out.get(url_of(server, "/wait"))); }));
    }
    while (server.handler.handled < 2) std::this_thread::yield();
    EXPECT_EQ(out.client.stats().connections_open, 2U);
    server.handler.release();
    for (auto& call : calls) EXPECT_EQ(call.get(), "");
    EXPECT_EQ(server.server.stats().connections_accepted, 2U);
}

TEST(HttpClient, stopping_ends_the_calls_under_way_and_later_ones) {
    TestServer server;
    TestOutbound out;
    auto waiting = std::async(std::launch::async, [&] { return out.get(url_of(server, "/wait")); });
    while (server.handler.handled < 1) std::this_thread::yield();
    out.client.stop();
    EXPECT_EQ(fault_of(waiting.get()), SendFault::stopped);
    EXPECT_EQ(fault_of(out.get(url_of(server, "/"))), SendFault::stopped);
    EXPECT_EQ(out.client.stats().connections_open, 0U);
}

TEST(HttpClient, addresses_that_may_not_be_called_are_refused_after_the_name_was_resolved) {
    TestServer server;
    ClientOptions options;
    options.addresses = AddressRule::public_only;
    TestOutbound strict(options);
    for (const std::string_view host : {"127.0.0.1", "localhost", "[::1]", "10.1.2.3", "192.168.0.1", "[fd12::1]"}) {
        const auto reply = strict.get(url_of(server, "/", host));
        EXPECT_EQ(fault_of(reply), SendFault::connect) << host;
        EXPECT_FALSE(reply.error().sent);
    }
    options.addresses = AddressRule::no_link_local;
    TestOutbound usual(options);
    EXPECT_TRUE(usual.get(url_of(server, "/")));
    for (const std::string_view host : {"169.254.169.254", "[fe80::1]", "[fd00:ec2::254]", "[::ffff:169.254.1.1]"}) {
        EXPECT_EQ(fault_of(usual.get(url_of(server, "/", host))), SendFault::connect) << host;
    }
}

TEST(HttpClient, https_verifies_the_certificate) {
    const Certificate certificate;
    TestServer server(certificate.options());
    const std::string port = std::to_string(server.server.port());
    ClientOptions options;
    options.ca_file = certificate.files.cert_path;
    TestOutbound trusting(options);
    for (const char* const host : {"localhost", "127.0.0.1"}) {
        EXPECT_EQ(text_of(trusting.post("https://" + std::string(host) + ":" + port + "/echo", "secret")), "secret");
    }
    EXPECT_TRUE(text_of(trusting.get("https://localhost:" + port + "/about")).contains("secure=yes\n"));
    EXPECT_EQ(text_of(trusting.post("https://localhost:" + port + "/size", std::string(4'000'000, 'x'))), "4000000");
    const auto wrong_name = trusting.get("https://other.localhost:" + port + "/");
    EXPECT_EQ(fault_of(wrong_name), SendFault::tls);
    EXPECT_FALSE(wrong_name.error().sent);
    EXPECT_TRUE(wrong_name.error().message.contains("mismatch")) << wrong_name.error().message;
    const Certificate other;
    options.ca_file = other.files.cert_path;
    EXPECT_EQ(fault_of(TestOutbound(options).get("https://localhost:" + port + "/")), SendFault::tls);
    options.ca_file = "/nonexistent/ca.pem";
    EXPECT_EQ(fault_of(TestOutbound(options).get("https://localhost:" + port + "/")), SendFault::tls);
}

TEST(HttpClient, proxies_are_asked_as_their_scheme_wants) {
    std::string seen;
    ScriptServer proxy([&seen](int fd, int) {
        seen = ScriptServer::read_until(fd, "\r\n\r\n");
        ScriptServer::write(fd, seen.starts_with("CONNECT") ? "HTTP/1.1 407 No\r\n\r\n"
                                                            : "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nproxy");
    });
    ClientOptions options;
    options.proxies.http_proxy = "http://me:pa%20ss@127.0.0.1:" + std::to_string(proxy.port());
    options.proxies.https_proxy = "127.0.0.1:" + std::to_string(proxy.port());
    TestOutbound out(options);
    EXPECT_EQ(text_of(out.get("http://stream.example:8000/a?b")), "proxy");
    EXPECT_TRUE(seen.starts_with("GET http://stream.example:8000/a?b HTTP/1.1\r\nhost: stream.example:8000\r\n"))
        << seen;
    EXPECT_TRUE(seen.contains("proxy-authorization: Basic bWU6cGEgc3M=\r\n")) << seen;
    const auto refused = out.get("https://stream.example/a");
    EXPECT_EQ(fault_of(refused), SendFault::connect);
    EXPECT_FALSE(refused.error().sent);
    EXPECT_TRUE(refused.error().message.contains("407")) << refused.error().message;
    EXPECT_TRUE(seen.starts_with("CONNECT stream.example:443 HTTP/1.1\r\nhost: stream.example:443\r\n\r\n")) << seen;
}

// Copies bytes both ways between a client that sent CONNECT and the given port.
void tunnel(int fd, std::uint16_t port) {
    ScriptServer::read_until(fd, "\r\n\r\n");
    TestClient server(port);
    ScriptServer::write(fd, "HTTP/1.1 200 Connection established\r\n\r\n");
    std::thread back([&] {
        while (server.fill()) ScriptServer::write(fd, std::exchange(server.received, {}));
        ::shutdown(fd, SHUT_WR);
    });
    char buffer[4096];
    for (ssize_t n = 0; (n = ::recv(fd, buffer, sizeof buffer, 0)) > 0;) {
        server.send({buffer, static_cast<std::size_t>(n)});
    }
    server.finish_sending();
    back.join();
}

TEST(HttpClient, https_goes_through_a_proxy_end_to_end) {
    const Certificate certificate;
    TestServer server(certificate.options());
    ScriptServer proxy([&](int fd, int) { tunnel(fd, server.server.port()); });
    ClientOptions options;
    options.ca_file = certificate.files.cert_path;
    options.proxies.https_proxy = "http://127.0.0.1:" + std::to_string(proxy.port());
    TestOutbound out(options);
    EXPECT_EQ(text_of(out.post("https://box.example/echo", "through")), "through");
    EXPECT_EQ(text_of(out.post("https://box.example/echo", "again")), "again");
    EXPECT_EQ(proxy.connections, 1);
}

TEST(HttpClient, no_proxy_excludes_hosts) {
    ProxyOptions options{
        .http_proxy = "p:1", .https_proxy = {}, .no_proxy = " example.com ,.under.org,10.0.0.0/8,h:81"};
    const auto uses_proxy = [&](std::string_view url) {
        const auto proxy = detail::choose_proxy(options, *parse_url(url));
        return proxy && proxy->has_value();
    };
    for (const char* const url :
         {"http://example.org/", "http://notexample.com/", "http://under.org/", "http://11.0.0.1/", "http://h/"}) {
        EXPECT_TRUE(uses_proxy(url)) << url;
    }
    for (const char* const url :
         {"http://example.com/", "http://a.Example.com/", "http://a.under.org/", "http://10.9.8.7/", "http://h:81/",
          "http://localhost/", "http://a.localhost/", "http://127.1.2.3/", "http://[::1]/", "https://example.org/"}) {
        EXPECT_FALSE(uses_proxy(url)) << url;
    }
    options.no_proxy = "*";
    EXPECT_FALSE(uses_proxy("http://example.org/"));
}

TEST(HttpUrl, authority_and_target) {
    const auto url = parse_url("HTTPS://Box.Example?q=1#part");
    ASSERT_TRUE(url);
    EXPECT_EQ(url->authority(), "box.example");
    EXPECT_EQ(url->host_and_port(), "box.example:443");
    EXPECT_EQ(url->target, "/?q=1");
    EXPECT_EQ(parse_url("http://[::1]:4566/x")->authority(), "[::1]:4566");
    EXPECT_EQ(parse_url("http://[::1]:4566/x")->host, "::1");
    EXPECT_EQ(parse_url("http://h:80")->authority(), "h");
    EXPECT_FALSE(parse_url("http://h:65536/"));
    EXPECT_FALSE(parse_url("http://h/\r\nx: y"));
    EXPECT_FALSE(parse_url("http://[::1/"));
}

}  // namespace
}  // namespace riacho::http::test
