// Streamed request bodies, read while the reply is written, by handlers and clients of any speed, over HTTP/1.1 and
// HTTP/2.
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <thread>

#include "core/task.h"
#include "core/timer.h"
#include "http/detail/rate_watch.h"
#include "http/detail/test_h2_client.h"
#include "http/detail/test_shares.h"
#include "http/detail/test_support.h"

namespace riacho::http::test {
namespace {

constexpr std::size_t mib = std::size_t{1} << 20;

// By path: /count reads all and returns the number of bytes; /echo writes back each piece as it arrives; /held does so
// once the test calls release(); /early answers without reading; /first answers after one piece; /idle writes "idle"
// when nothing arrives for 5 ms; /pieces writes five pieces at once; /empty writes "a", nothing in three ways, and "b";
// /watch and /watch-pieces write nothing until the client has gone. The query is the pace's idle time in ms.
class DuplexHandler final : public Handler {
public:
    BodyPlan on_head(const Request& request) override {
        BodyPlan plan;
        plan.stream = true;
        plan.size_max = request.path() == "/small" ? 100'000 : SIZE_MAX;
        plan.pace.emplace();
        plan.pace->idle_ms = std::strtol(std::string(request.query()).c_str(), nullptr, 10);
        return plan;
    }
    Task<Response> handle(Request& request) override {
        ++started;
        Response response;
        BodyReader& body = *request.stream();
        const std::string_view path = request.path();
        if (path == "/count" || path == "/small") {
            const std::size_t total = co_await count(&body);
            response.body.append(std::to_string(total));
        } else if (path == "/early") {
            response.status = 403;
        } else if (path == "/first") {
            co_await body.read();
            response.body.append("enough");
        } else if (path == "/pieces") {
            response.producer = [](BodyWriter& writer) { return write_pieces(&writer); };
        } else if (path == "/empty") {
            response.producer = [](BodyWriter& writer) { return write_empty(&writer); };
        } else if (path.starts_with("/watch")) {
            response.producer = [this, &request](BodyWriter& writer) { return watch(&request, &writer); };
        } else if (path == "/idle") {
            response.producer = [&body](BodyWriter& writer) { return say_idle(&body, &writer); };
        } else {
            response.producer = [this, &request](BodyWriter& writer) { return echo(&request, &writer); };
        }
        co_return response;
    }
    void release() {
        const std::lock_guard lock(mutex_);
        released_ = true;
        for (const auto& [wakeup, core] : waiting_) core->wake(*wakeup);
        waiting_.clear();
    }

    core::MemoryBudget* memory = nullptr;
    std::atomic<int> started = 0;
    std::atomic<int> broken = 0;
    std::atomic<int> unwritten = 0;
    std::atomic<int> ended = 0;
    std::atomic<std::size_t> held_max = 0;

private:
    Task<std::size_t> count(BodyReader* body) {
        std::size_t total = 0;
        for (;;) {
            const BodyPiece piece = co_await body->read();
            look_at_memory();
            if (piece.kind != BodyPiece::Kind::data) {
                if (piece.kind == BodyPiece::Kind::broken) ++broken;
                co_return total;
            }
            if (piece.data.find_first_not_of('u') == std::string_view::npos) total += piece.data.size();
        }
    }
    Task<void> echo(Request* request, BodyWriter* writer) {
        if (request->path() == "/held") co_await wait(&request->core());
        for (;;) {
            const BodyPiece piece = co_await request->stream()->read();
            look_at_memory();
            if (piece.kind == BodyPiece::Kind::broken) {
                ++broken;
                const bool written = co_await writer->write("broken");
                if (!written) ++unwritten;
            }
            if (piece.kind != BodyPiece::Kind::data) break;
            const bool written = co_await writer->write(piece.data);
            if (!written) {
                ++unwritten;
                break;
            }
        }
        ++ended;
    }
    static Task<void> say_idle(BodyReader* body, BodyWriter* writer) {
        for (;;) {
            const BodyPiece piece = co_await body->read(5);
            if (piece.kind == BodyPiece::Kind::end || piece.kind == BodyPiece::Kind::broken) co_return;
            const bool written = co_await writer->write(piece.kind == BodyPiece::Kind::idle ? "idle" : "data");
            if (!written) co_return;
        }
    }
    static Task<void> write_pieces(BodyWriter* writer) {
        const std::string large(100'000, 'l');
        const std::array<std::string_view, 5> pieces{"one", "", "two", large, "three"};
        co_await writer->write(std::span<const std::string_view>(pieces));
        co_await writer->write(std::span<const std::string_view>());
    }
    static Task<void> write_empty(BodyWriter* writer) {
        const std::array<std::string_view, 2> nothing;
        EXPECT_TRUE(co_await writer->write("a"));
        EXPECT_TRUE(co_await writer->write(std::string_view()));
        EXPECT_TRUE(co_await writer->write(std::span<const std::string_view>()));
        EXPECT_TRUE(co_await writer->write(std::span<const std::string_view>(nothing)));
        EXPECT_TRUE(co_await writer->write("b"));
    }
    Task<void> watch(Request* request, BodyWriter* writer) {
        const bool as_pieces = request->path() == "/watch-pieces";
        for (bool there = true; there;) {
            co_await core::sleep(request->core(), 1);
            there = as_pieces ? co_await writer->write(std::span<const std::string_view>())
                              : co_await writer->write(std::string_view());
        }
        ++ended;
    }
    Task<void> wait(core::Core* core) {
        co_await core::suspend([this, core](core::Wakeup& wakeup) {
            const std::lock_guard lock(mutex_);
            if (released_) {
                core->wake(wakeup);
            } else {
                waiting_.emplace_back(&wakeup, core);
            }
        });
    }
    void look_at_memory() {
        if (memory == nullptr) return;
        const std::size_t held = memory->used(core::MemoryUse::bodies) + memory->used(core::MemoryUse::large_bodies);
        held_max = std::max(held_max.load(), held);
    }

    std::mutex mutex_;
    bool released_ = false;
    std::vector<std::pair<core::Wakeup*, core::Core*>> waiting_;
};

struct DuplexServer {
    explicit DuplexServer(ServerOptions options = {},
                          const core::MemoryBudget::Shares& shares = core::MemoryBudget::unlimited())
        : memory(shares), server(TestServer::quick(std::move(options)), runtime, clock, handler, memory) {
        handler.memory = &memory;
        if (!server.listen()) throw std::runtime_error("listen");
        runtime.start();
    }
    ~DuplexServer() {
        handler.release();
        server.stop(0);
        runtime.stop();
    }
    // Waits until the server has noticed that its clients have gone.
    void wait_until_unused() const {
        while (server.stats().connections_open > 0) std::this_thread::yield();
    }

    core::SystemClock clock;
    core::MemoryBudget memory;
    DuplexHandler handler;
    core::Runtime runtime{1};
    Server server;
};

std::string head(std::string_view target, std::string_view more) {
    return "POST " + std::string(target) + " HTTP/1.1\r\nHost: test\r\n" + std::string(more) + "\r\n";
}
std::string chunk(std::string_view data) {
    char size[20];
    std::snprintf(size, sizeof size, "%zx\r\n", data.size());
    return size + std::string(data) + "\r\n";
}
constexpr std::string_view chunked_field = "Transfer-Encoding: chunked\r\n";

// The next chunk of a reply, or the bytes received before the connection ended.
std::string read_chunk(TestClient& client) {
    std::size_t end = 0;
    while ((end = client.received.find("\r\n")) == std::string::npos) {
        if (!client.fill()) return "(ended)";
    }
    const auto size = std::strtoull(client.received.c_str(), nullptr, 16);
    while (client.received.size() < end + 2 + size + 2) {
        if (!client.fill()) return "(ended)";
    }
    std::string data = client.received.substr(end + 2, size);
    client.received.erase(0, end + 2 + size + 2);
    return data;
}
std::string read_head(TestClient& client) {
    std::size_t end = 0;
    while ((end = client.received.find("\r\n\r\n")) == std::string::npos) {
        if (!client.fill()) return "(ended)";
    }
    std::string text = client.received.substr(0, end + 4);
    client.received.erase(0, end + 4);
    return text;
}

TEST(DuplexHttp1, each_piece_is_answered_before_the_next_is_sent) {
    DuplexServer server;
    TestClient client(server.server.port());
    client.send(head("/echo", chunked_field));
    EXPECT_TRUE(read_head(client).starts_with("HTTP/1.1 200 OK\r\n"));
    for (const std::size_t size : {1UL, 10UL, 1'000UL, 65'536UL, 3UL}) {
        const std::string data(size, static_cast<char>('a' + size % 26));
        client.send(chunk(data));
        std::string back;
        while (back.size() < size) back += read_chunk(client);
        ASSERT_EQ(back, data);
    }
    client.send("0\r\n\r\nPOST /count HTTP/1.1\r\nHost: test\r\nContent-Length: 3\r\n\r\nuuu");
    EXPECT_EQ(read_chunk(client), "");
    EXPECT_EQ(client.read_response().body, "3");
}

TEST(DuplexHttp1, a_body_of_known_length_is_streamed_too) {
    DuplexServer server;
    TestClient client(server.server.port());
    client.send(head("/count", "Content-Length: 300000\r\n") + std::string(100'000, 'u'));
    client.send(std::string(200'000, 'u') + head("/count", "Content-Length: 0\r\n"));
    EXPECT_EQ(client.read_response().body, "300000");
    EXPECT_EQ(client.read_response().body, "0");
    EXPECT_EQ(client.request(get("/count")).body, "0");
}

TEST(DuplexHttp1, continue_comes_before_the_reply_and_before_the_body) {
    DuplexServer server;
    TestClient client(server.server.port());
    client.send(head("/echo", std::string(chunked_field) + "Expect: 100-continue\r\n"));
    EXPECT_EQ(read_head(client), "HTTP/1.1 100 Continue\r\n\r\n");
    EXPECT_TRUE(read_head(client).starts_with("HTTP/1.1 200 OK\r\n"));
    client.send(chunk("body"));
    EXPECT_EQ(read_chunk(client), "body");
}

TEST(DuplexHttp1, a_gigabyte_would_pass_through_little_memory) {
    DuplexServer server({}, shares_with({{core::MemoryUse::bodies, mib / 4}, {core::MemoryUse::large_bodies, 0}}));
    TestClient client(server.server.port());
    const std::string piece = chunk(std::string(mib, 'u'));
    client.send(head("/count", chunked_field));
    for (int i = 0; i < 64; ++i) ASSERT_TRUE(client.send(piece));
    client.send("0\r\n\r\n");
    EXPECT_EQ(client.read_response().body, std::to_string(64 * mib));
    EXPECT_LE(server.handler.held_max, mib / 4);
    EXPECT_GT(server.handler.held_max, 0U);
}

// Neither a slow handler nor a slow client may make the server buffer the body in memory.
TEST(DuplexHttp1, a_handler_that_does_not_read_holds_the_client_back) {
    DuplexServer server({}, shares_with({{core::MemoryUse::bodies, mib / 4}, {core::MemoryUse::large_bodies, 0}}));
    TestClient client(server.server.port());
    const std::string body(16 * mib, 'h');
    client.send(head("/held", "Content-Length: " + std::to_string(body.size()) + "\r\n"));
    std::atomic<std::size_t> sent = 0;
    std::thread sending([&] {
        for (std::size_t at = 0; at < body.size(); at += 65'536) {
            if (!client.send(std::string_view(body).substr(at, 65'536))) return;
            sent = at + 65'536;
        }
    });
    while (server.handler.started == 0) std::this_thread::yield();
    // Only the kernel's buffers hold data; they are full when nothing moves for a while.
    for (std::size_t before = 1; before != sent;) {
        before = sent;
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
    EXPECT_LT(sent, body.size());
    server.handler.release();
    const TestResponse response = client.read_response();
    sending.join();
    EXPECT_EQ(response.body, body);
}

TEST(DuplexHttp1, a_client_that_does_not_read_is_given_up) {
    ServerOptions options;
    options.write_timeout_ms = 50;
    DuplexServer server(options);
    TestClient client(server.server.port(), 4'096);
    client.send(head("/echo", chunked_field));
    const std::string piece = chunk(std::string(mib, 'e'));
    while (client.send(piece)) {
    }
    while (server.handler.ended == 0) std::this_thread::yield();
    EXPECT_EQ(server.handler.unwritten, 1);
    server.wait_until_unused();
    EXPECT_EQ(server.server.stats().timeout_write, 1U);
}

TEST(DuplexHttp1, a_client_that_disappears_breaks_the_body) {
    DuplexServer server;
    {
        TestClient client(server.server.port());
        client.send(head("/echo", chunked_field) + chunk("some"));
        read_head(client);
        EXPECT_EQ(read_chunk(client), "some");
    }
    while (server.handler.ended == 0) std::this_thread::yield();
    EXPECT_EQ(server.handler.broken, 1);
    server.wait_until_unused();
    EXPECT_EQ(server.memory.used(core::MemoryUse::bodies), 0U);
}

TEST(DuplexHttp1, a_handler_that_has_enough_ends_the_connection_after_its_answer) {
    DuplexServer server;
    for (const std::string_view target : {"/early", "/first"}) {
        TestClient client(server.server.port());
        client.send(head(target, "Content-Length: 30000000\r\n") + std::string(100'000, 'x'));
        const TestResponse response = client.read_response();
        EXPECT_EQ(response.status, target == "/early" ? 403 : 200);
        EXPECT_EQ(response.headers.at("connection"), "close");
        EXPECT_TRUE(client.is_closed_by_server());
    }
}

TEST(DuplexHttp1, silence_is_told_and_then_breaks_the_body_but_not_the_reply) {
    DuplexServer server;
    TestClient client(server.server.port());
    client.send(head("/idle?100000", chunked_field));
    read_head(client);
    EXPECT_EQ(read_chunk(client), "idle");
    client.send(chunk("x"));
    std::string next;
    while ((next = read_chunk(client)) == "idle") {
    }
    EXPECT_EQ(next, "data");
    TestClient silent(server.server.port());
    silent.send(head("/echo?30", chunked_field) + chunk("a"));
    read_head(silent);
    EXPECT_EQ(read_chunk(silent), "a");
    EXPECT_EQ(read_chunk(silent), "broken");
    EXPECT_EQ(read_chunk(silent), "");
    EXPECT_TRUE(silent.is_closed_by_server());
    EXPECT_EQ(server.server.stats().timeout_body, 1U);
}

TEST(DuplexHttp1, what_is_no_body_or_too_much_of_it_is_broken) {
    DuplexServer server;
    TestClient client(server.server.port());
    client.send(head("/echo", chunked_field) + "zz\r\n");
    read_head(client);
    EXPECT_EQ(read_chunk(client), "broken");
    TestClient declared(server.server.port());
    EXPECT_EQ(declared.request(head("/small", "Content-Length: 100001\r\n")).status, 413);
    TestClient grown(server.server.port());
    for (int i = 0; i < 3; ++i) grown.send(i == 0 ? head("/small", chunked_field) : chunk(std::string(60'000, 'u')));
    EXPECT_EQ(grown.read_response().body, "60000");
    EXPECT_EQ(server.handler.broken, 2);
}

TEST(DuplexHttp1, pieces_are_one_chunk) {
    DuplexServer server;
    TestClient client(server.server.port());
    client.send(get("/pieces"));
    read_head(client);
    EXPECT_EQ(read_chunk(client), "onetwo" + std::string(100'000, 'l') + "three");
    EXPECT_EQ(read_chunk(client), "");
}

// An empty chunk would end the body in front of "b".
TEST(DuplexHttp1, an_empty_write_sends_nothing) {
    DuplexServer server;
    TestClient client(server.server.port());
    client.send(get("/empty"));
    read_head(client);
    EXPECT_EQ(read_chunk(client), "a");
    EXPECT_EQ(read_chunk(client), "b");
    EXPECT_EQ(read_chunk(client), "");
    EXPECT_EQ(client.request(get("/count")).body, "0");
}

TEST(DuplexHttp1, an_empty_write_notices_a_client_that_has_gone) {
    DuplexServer server;
    for (const std::string_view target : {"/watch", "/watch-pieces"}) {
        TestClient client(server.server.port());
        client.send(get(target));
        EXPECT_TRUE(read_head(client).starts_with("HTTP/1.1 200 OK\r\n"));
    }
    TestClient half(server.server.port());
    half.send(get("/watch"));
    half.finish_sending();
    while (server.handler.ended < 3) std::this_thread::yield();
}

TEST(DuplexHttp1, without_memory_for_a_reader_the_request_is_shed) {
    DuplexServer server({}, shares_with({{core::MemoryUse::bodies, 100'000}}));
    TestClient client(server.server.port());
    EXPECT_EQ(client.request(head("/count", chunked_field)).status, 503);
}

TEST(DuplexHttp2, each_piece_is_answered_before_the_next_is_sent) {
    DuplexServer server;
    H2Client client(server.server.port());
    const std::int32_t id = client.submit("POST", "/echo", {}, {}, false);
    std::string expected;
    for (const std::size_t size : {1UL, 10UL, 1'000UL, 65'536UL, 3UL}) {
        const std::string data(size, static_cast<char>('a' + size % 26));
        client.upload(id, data);
        expected += data;
        while (client.streams[id].body.size() < expected.size()) ASSERT_TRUE(client.step());
    }
    client.upload(id, "!", true);
    EXPECT_EQ(client.finish(id).body, expected + "!");
    EXPECT_EQ(client.streams[id].error, NGHTTP2_NO_ERROR);
    EXPECT_EQ(client.request("GET", "/count").body, "0");
}

TEST(DuplexHttp2, continue_comes_before_the_reply) {
    DuplexServer server;
    H2Client client(server.server.port());
    const std::int32_t id = client.submit("POST", "/held", {}, {{"expect", "100-continue"}}, false);
    while (client.streams[id].status == 0) ASSERT_TRUE(client.step());
    EXPECT_EQ(client.streams[id].statuses.front(), 100);
    client.upload(id, "body", true);
    server.handler.release();
    EXPECT_EQ(client.finish(id).body, "body");
    EXPECT_EQ(client.streams[id].statuses, (std::vector<int>{100, 200}));
}

TEST(DuplexHttp2, a_gigabyte_would_pass_through_little_memory) {
    DuplexServer server({},
                        shares_with({{core::MemoryUse::bodies, 4 * mib}, {core::MemoryUse::large_bodies, 4 * mib}}));
    H2Client client(server.server.port());
    EXPECT_EQ(client.request("POST", "/count", std::string(64 * mib, 'u')).body, std::to_string(64 * mib));
    EXPECT_LE(server.handler.held_max, 4 * mib);
    EXPECT_GT(server.handler.held_max, 0U);
}

// Unread bytes must not open the window again: only the reader does.
TEST(DuplexHttp2, a_handler_that_does_not_read_stops_its_client_at_the_window) {
    DuplexServer server;
    H2Client client(server.server.port());
    const std::int32_t id = client.submit("POST", "/held", std::string(3 * mib, 'h'));
    while (client.streams[id].uploaded < mib) ASSERT_TRUE(client.step());
    for (int i = 0; i < 10; ++i) ASSERT_EQ(client.request("POST", "/count", "uu").body, "2");
    EXPECT_EQ(client.streams[id].uploaded, mib);
    server.handler.release();
    EXPECT_EQ(client.finish(id).body, std::string(3 * mib, 'h'));
}

TEST(DuplexHttp2, the_window_of_streams_that_end_unread_is_given_back_to_the_connection) {
    ServerOptions options;
    options.h2_connection_window = 2 * mib;
    DuplexServer server(options);
    H2Client client(server.server.port());
    for (int i = 0; i < 12; ++i) {
        const std::int32_t id =
            client.submit("POST", i % 2 == 0 ? "/early" : "/held", std::string(mib, 'x'), {}, i % 3 != 0);
        if (i % 2 != 0) {
            while (client.streams[id].uploaded < mib / 2) ASSERT_TRUE(client.step()) << i;
            client.reset(id);
        }
        client.finish(id);
    }
    server.handler.release();
    EXPECT_EQ(client.request("POST", "/count", std::string(4 * mib, 'u')).body, std::to_string(4 * mib));
}

TEST(DuplexHttp2, a_client_that_cancels_breaks_the_body_and_the_reply) {
    DuplexServer server;
    H2Client client(server.server.port());
    const std::int32_t id = client.submit("POST", "/echo", "some", {}, false);
    while (client.streams[id].body.size() < 4) ASSERT_TRUE(client.step());
    client.reset(id);
    EXPECT_EQ(client.request("POST", "/count", "u").body, "1");
    while (server.handler.ended == 0) std::this_thread::yield();
    EXPECT_EQ(server.handler.broken, 1);
    EXPECT_EQ(server.handler.unwritten, 1);
    EXPECT_EQ(server.server.stats().handler_exceptions, 0U);
}

TEST(DuplexHttp2, a_client_that_disappears_breaks_the_body) {
    DuplexServer server;
    {
        H2Client client(server.server.port());
        const std::int32_t id = client.submit("POST", "/echo", "some", {}, false);
        while (client.streams[id].body.size() < 4) ASSERT_TRUE(client.step());
    }
    while (server.handler.ended == 0) std::this_thread::yield();
    EXPECT_EQ(server.handler.broken, 1);
    server.wait_until_unused();
    EXPECT_EQ(server.memory.used(core::MemoryUse::bodies), 0U);
}

TEST(DuplexHttp2, a_client_that_does_not_read_is_given_up) {
    ServerOptions options;
    options.write_timeout_ms = 50;
    DuplexServer server(options);
    H2Client client(server.server.port());
    const std::int32_t id = client.submit("POST", "/echo", std::string(3 * mib, 'e'));
    client.streams[id].held = true;
    EXPECT_EQ(client.finish(id).error, NGHTTP2_CANCEL);
    while (server.handler.ended == 0) std::this_thread::yield();
    EXPECT_EQ(server.handler.unwritten, 1);
    EXPECT_EQ(client.request("POST", "/count", "u").body, "1");
}

TEST(DuplexHttp2, silence_is_told_and_then_breaks_the_body_but_not_the_reply) {
    DuplexServer server;
    H2Client client(server.server.port());
    const std::int32_t told = client.submit("POST", "/idle?100000", {}, {}, false);
    while (client.streams[told].body.empty()) ASSERT_TRUE(client.step());
    EXPECT_TRUE(client.streams[told].body.starts_with("idle"));
    client.upload(told, "x", true);
    EXPECT_TRUE(client.finish(told).body.ends_with("data"));
    const std::int32_t silent = client.submit("POST", "/echo?30", "a", {}, false);
    EXPECT_EQ(client.finish(silent).body, "abroken");
    EXPECT_EQ(server.server.stats().timeout_body, 1U);
}

TEST(DuplexHttp2, an_answer_before_the_end_ends_the_upload) {
    DuplexServer server;
    H2Client client(server.server.port());
    const auto& stream = client.finish(client.submit("POST", "/first", "begin", {}, false));
    EXPECT_EQ(stream.body, "enough");
    EXPECT_EQ(stream.error, NGHTTP2_NO_ERROR);
}

TEST(DuplexHttp2, an_empty_write_sends_nothing) {
    DuplexServer server;
    H2Client client(server.server.port());
    const auto& stream = client.request("GET", "/empty");
    EXPECT_EQ(stream.body, "ab");
    EXPECT_EQ(stream.error, NGHTTP2_NO_ERROR);
}

TEST(DuplexHttp2, an_empty_write_notices_a_client_that_has_cancelled_or_gone) {
    DuplexServer server;
    {
        H2Client client(server.server.port());
        const std::int32_t cancelled = client.submit("GET", "/watch");
        const std::int32_t kept = client.submit("GET", "/watch-pieces");
        while (client.streams[cancelled].status == 0 || client.streams[kept].status == 0) ASSERT_TRUE(client.step());
        client.reset(cancelled);
        client.flush();
        while (server.handler.ended < 1) std::this_thread::yield();
    }
    while (server.handler.ended < 2) std::this_thread::yield();
}

// Time that the handler spends between reads is not counted against the client.
TEST(StreamWatch, only_waiting_counts) {
    const ServerOptions options;
    const auto at_ms = [](std::int64_t ms) { return MonotonicNs(ms * 1'000'000); };
    detail::StreamWatch watch;
    watch.begin(at_ms(1), options, Pace{.total_ms = 0, .idle_ms = 30'000, .rate_min = 1'000});
    EXPECT_FALSE(watch.is_too_slow(at_ms(1'000'000), options));
    watch.begin_wait(at_ms(1'000'000), INT64_MAX);
    EXPECT_FALSE(watch.is_too_slow(at_ms(1'009'000), options));
    watch.add(50'000);
    watch.end_wait(at_ms(1'009'000));
    EXPECT_FALSE(watch.is_too_slow(at_ms(2'000'000), options));
    watch.begin_wait(at_ms(2'000'000), INT64_MAX);
    EXPECT_FALSE(watch.is_too_slow(at_ms(2'002'000), options)) << "the end of the grace";
    EXPECT_FALSE(watch.is_too_slow(at_ms(2'011'000), options));
    EXPECT_TRUE(watch.is_too_slow(at_ms(2'012'500), options)) << "nothing in a window";
    detail::StreamWatch idle;
    idle.begin(at_ms(1), options, Pace{.total_ms = 0, .idle_ms = 30'000, .rate_min = 0});
    for (int i = 0; i < 5; ++i) {
        idle.begin_wait(at_ms(10'000 + i * 5'000), at_ms(15'000 + i * 5'000).value());
        EXPECT_TRUE(idle.is_idle(at_ms(15'000 + i * 5'000)));
        idle.end_wait(at_ms(15'000 + i * 5'000));
    }
    idle.begin_wait(at_ms(35'000), INT64_MAX);
    EXPECT_FALSE(idle.is_too_slow(at_ms(40'000), options));
    EXPECT_TRUE(idle.is_too_slow(at_ms(40'001), options)) << "30 s since the first wait for this byte";
}

}  // namespace
}  // namespace riacho::http::test
