// Every limit of ServerOptions over HTTP/1.1: a request at the limit is served, one above it is refused.
#include <gtest/gtest.h>

#include <array>
#include <cstdio>
#include <memory>
#include <thread>
#include <vector>

#include "http/detail/test_shares.h"
#include "http/detail/test_support.h"

namespace riacho::http::test {
namespace {

// The status of the response, after which the server must close. The client closes its end too, as a client does that
// has its response.
int status_and_close(TestClient& client, std::string_view request) {
    client.send(request);
    TestResponse response = client.read_response();
    EXPECT_EQ(response.headers["connection"], "close");
    client.finish_sending();
    EXPECT_EQ(client.read_to_end(), "");
    return response.status;
}

std::string request_with_line_of(std::size_t size) {
    const std::string_view around = "GET / HTTP/1.1";
    return "GET /" + std::string(size - around.size(), 'p') + " HTTP/1.1\r\nHost: t\r\n\r\n";
}

TEST(Limits, a_request_line_of_8192_bytes_is_served_and_one_more_is_414) {
    TestServer server;
    TestClient client(server.server.port());
    EXPECT_EQ(client.request(request_with_line_of(8192)).status, 200);
    EXPECT_EQ(status_and_close(client, request_with_line_of(8193)), 414);
    TestClient endless(server.server.port());
    EXPECT_EQ(status_and_close(endless, "GET /" + std::string(9000, 'p')), 414);
    EXPECT_EQ(server.server.stats().head_too_large, 2U);
}

// Lines of 1024 bytes with their ends; the first is the Host field, the last is cut or stretched to fit.
std::string request_with_headers_of(std::size_t size) {
    std::string headers = "Host: t\r\n";
    for (int i = 0; size - headers.size() > 1100; ++i) {
        std::string line = "X-Filler-" + std::to_string(i) + ": ";
        headers += line + std::string(1022 - line.size(), 'v') + "\r\n";
    }
    headers += "X-Last: " + std::string(size - headers.size() - 10, 'v') + "\r\n";
    EXPECT_EQ(headers.size(), size);
    return "GET / HTTP/1.1\r\n" + headers + "\r\n";
}

TEST(Limits, a_header_block_of_32_KiB_is_served_and_one_byte_more_is_431) {
    TestServer server;
    TestClient client(server.server.port());
    EXPECT_EQ(client.request(request_with_headers_of(32 * 1024)).status, 200);
    EXPECT_EQ(status_and_close(client, request_with_headers_of(32 * 1024 + 1)), 431);
    TestClient endless(server.server.port());
    std::string text = request_with_headers_of(32 * 1024);
    text.erase(text.size() - 2);
    EXPECT_EQ(status_and_close(endless, text + "X-More: "), 431);
}

TEST(Limits, a_hundred_headers_are_served_and_one_more_is_431) {
    TestServer server;
    TestClient client(server.server.port());
    std::string headers = "Host: t\r\n";
    for (int i = 1; i < 100; ++i) headers += "X-" + std::to_string(i) + ": v\r\n";
    EXPECT_EQ(client.request("GET / HTTP/1.1\r\n" + headers + "\r\n").status, 200);
    EXPECT_EQ(status_and_close(client, "GET / HTTP/1.1\r\n" + headers + "X-100: v\r\n\r\n"), 431);
}

TEST(Limits, one_header_of_16_KiB_is_served_and_one_byte_more_is_431) {
    TestServer server;
    TestClient client(server.server.port());
    const auto request = [](std::size_t size) {
        return "GET / HTTP/1.1\r\nHost: t\r\nX-Token: " + std::string(size - 9, 't') + "\r\n\r\n";
    };
    EXPECT_EQ(client.request(request(16 * 1024)).status, 200);
    EXPECT_EQ(status_and_close(client, request(16 * 1024 + 1)), 431);
    TestClient endless(server.server.port());
    EXPECT_EQ(status_and_close(endless, "GET / HTTP/1.1\r\nHost: t\r\nX-Token: " + std::string(16 * 1024, 't')), 431);
}

TEST(Limits, a_chunk_extension_of_256_bytes_is_served_and_one_more_is_400) {
    TestServer server;
    TestClient client(server.server.port());
    const auto request = [](std::size_t size) {
        return "POST /echo HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n1;" + std::string(size - 1, 'e') +
               "\r\nx\r\n0\r\n\r\n";
    };
    EXPECT_EQ(client.request(request(256)).body, "x");
    EXPECT_EQ(status_and_close(client, request(257)), 400);
}

TEST(Limits, a_body_of_16_MiB_is_served_and_one_byte_more_is_413) {
    TestServer server;
    TestClient client(server.server.port());
    const std::string body(BodyPlan::size_max_default, 'b');
    EXPECT_EQ(client.request(post("/size", body)).body, std::to_string(body.size()));
    // The client receives its response a moment before the server has released the memory.
    while (server.server.stats().body_bytes_held > 0) std::this_thread::yield();
    EXPECT_EQ(status_and_close(client, post("/size", body + "b")), 413);
    EXPECT_EQ(server.handler.handled, 1);
}

TEST(Limits, the_body_limit_of_a_request_is_the_handlers) {
    TestServer server;
    TestClient client(server.server.port());
    EXPECT_EQ(client.request(post("/tiny", "0123456789")).body, "0123456789");
    EXPECT_EQ(status_and_close(client, post("/tiny", "0123456789x")), 413);
}

TEST(Limits, a_chunked_body_is_limited_too) {
    TestServer server;
    const std::string head = "POST /tiny HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n";
    TestClient client(server.server.port());
    EXPECT_EQ(client.request(head + "5\r\nhello\r\n0\r\n\r\n").body, "hellohello");
    // Refused by the announced size, before the bytes arrive.
    EXPECT_EQ(status_and_close(client, head + "6\r\n"), 413);
}

TEST(Limits, bodies_beyond_what_the_server_holds_are_shed) {
    TestServer server({}, 1, nullptr, shares_with({{core::MemoryUse::bodies, 100'000}}));
    TestClient client(server.server.port());
    EXPECT_EQ(client.request(post("/size", std::string(60'000, 'b'))).body, "60000");
    client.send(post("/size", std::string(200'000, 'b')));
    const TestResponse response = client.read_response();
    EXPECT_EQ(response.status, 503);
    EXPECT_EQ(response.body, "overloaded") << "the answer is the handler's";
    EXPECT_EQ(server.server.stats().shed, 1U);
    EXPECT_EQ(server.server.stats().body_bytes_held, 0U);
}

TEST(Limits, a_chunked_body_beyond_the_share_is_shed) {
    TestServer server({}, 1, nullptr,
                      shares_with({{core::MemoryUse::bodies, 3'000'000}, {core::MemoryUse::large_bodies, 2'500'000}}));
    const auto chunked = [](std::size_t size) {
        std::array<char, 32> digits{};
        std::snprintf(digits.data(), digits.size(), "%zx", size);
        return "POST /size HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n" + std::string(digits.data()) +
               "\r\n" + std::string(size, 'b') + "\r\n0\r\n\r\n";
    };
    TestClient client(server.server.port());
    EXPECT_EQ(client.request(chunked(1'200'000)).body, "1200000");
    EXPECT_EQ(client.request(chunked(3'000'000)).status, 503);
    while (server.server.stats().body_bytes_held > 0) std::this_thread::yield();
}

// Large bodies have a share of their own: filling it must not make ordinary bodies wait.
TEST(Limits, unfinished_large_bodies_leave_room_for_others) {
    TestServer server({}, 1, nullptr,
                      shares_with({{core::MemoryUse::bodies, 3'000'000}, {core::MemoryUse::large_bodies, 33'000'000}}));
    std::vector<std::unique_ptr<TestClient>> greedy;
    for (int i = 0; i < 6; ++i) {
        greedy.push_back(std::make_unique<TestClient>(server.server.port()));
        greedy.back()->send("POST /size HTTP/1.1\r\nHost: t\r\nContent-Length: 16000000\r\n\r\n");
    }
    while (!server.memory.is_scarce(core::MemoryUse::large_bodies)) std::this_thread::yield();
    TestClient client(server.server.port());
    EXPECT_EQ(client.request(post("/size", std::string(1'000'000, 'b'))).body, "1000000");
    EXPECT_LE(server.memory.used(core::MemoryUse::large_bodies), 33'000'000U);
}

TEST(Limits, a_large_body_waits_unread_until_its_share_is_free) {
    ServerOptions options;
    options.body_wait_ms = 600'000;
    TestServer server(options, 1, nullptr, shares_with({{core::MemoryUse::large_bodies, 20'000'000}}));
    auto first = std::make_unique<TestClient>(server.server.port());
    first->send("POST /size HTTP/1.1\r\nHost: t\r\nContent-Length: 12000000\r\n\r\n");
    while (server.server.stats().body_bytes_held == 0) std::this_thread::yield();
    TestClient second(server.server.port());
    std::thread sender([&second] { second.send(post("/size", std::string(12'000'000, 'b'))); });
    while (!server.memory.is_scarce(core::MemoryUse::large_bodies)) std::this_thread::yield();
    first.reset();
    EXPECT_EQ(second.read_response().body, "12000000");
    sender.join();
}

TEST(Limits, a_call_waits_for_the_memory_of_its_handler) {
    ServerOptions options;
    options.call_wait_ms = 600'000;
    TestServer server(options, 1, nullptr, shares_with({{core::MemoryUse::calls, 300'000}}));
    std::vector<std::unique_ptr<TestClient>> clients;
    for (int i = 0; i < 3; ++i) {
        clients.push_back(std::make_unique<TestClient>(server.server.port()));
        clients.back()->send(post("/wait", std::string(100'000, 'b')));
    }
    while (server.handler.handled < 2) std::this_thread::yield();
    TestClient other(server.server.port());
    EXPECT_EQ(other.request(post("/size", "small")).body, "5");
    EXPECT_EQ(server.memory.used(core::MemoryUse::calls), 300'000U) << "never more than the half for one call";
    EXPECT_EQ(server.handler.handled, 3) << "two that have memory, and the small one";
    server.handler.release();
    for (const auto& client : clients) EXPECT_EQ(client->read_response().status, 200);
}

TEST(Limits, calls_in_progress_are_bounded) {
    ServerOptions options;
    options.requests_in_progress_max = 2;
    TestServer server(options);
    TestClient first(server.server.port());
    TestClient second(server.server.port());
    first.send(get("/wait"));
    second.send(get("/wait"));
    while (server.handler.handled < 2) std::this_thread::yield();
    TestClient third(server.server.port());
    EXPECT_EQ(third.request(get("/")).status, 503);
    server.handler.release();
    EXPECT_EQ(first.read_response().status, 200);
    EXPECT_EQ(second.read_response().status, 200);
    EXPECT_EQ(third.request(get("/")).status, 200) << "the connection stays";
}

// Unread small responses on ten thousand connections must not add up without a bound.
TEST(Limits, small_responses_that_nobody_reads_are_bounded) {
    TestServer server({}, 1, nullptr, shares_with({{core::MemoryUse::small_replies, 200'000}}));
    std::vector<std::unique_ptr<TestClient>> unread;
    // Responses in the kernel's buffers do not count: each client asks until one response has to wait in the server, or
    // the rest of one. How much the rest is depends on the kernel, so there are many.
    std::string many;
    for (int i = 0; i < 100; ++i) many += get("/fill?120000");
    for (int i = 0; i < 24; ++i) {
        unread.push_back(std::make_unique<TestClient>(server.server.port(), 4096));
        unread.back()->send(many);
    }
    while (server.server.stats().shed == 0) std::this_thread::yield();
    EXPECT_LE(server.server.stats().response_bytes_held, 200'000U);
    TestClient client(server.server.port());
    EXPECT_EQ(client.request(get("/fill?120000")).body.size(), 120'000U) << "a client that reads needs no room";
}

TEST(Limits, responses_beyond_what_the_server_holds_are_given_up) {
    TestServer server({}, 1, nullptr, shares_with({{core::MemoryUse::replies, 20'000'000}}));
    TestClient slow(server.server.port(), 4096);
    slow.send(get("/fill?19000000"));
    while (server.server.stats().response_bytes_held == 0) std::this_thread::yield();
    TestClient client(server.server.port());
    EXPECT_EQ(client.request(get("/fill?2000000")).status, 503);
    EXPECT_EQ(client.request(get("/fill?100000")).status, 200) << "small ones go on, on the same connection";
    EXPECT_EQ(slow.read_response().body.size(), 19'000'000U);
    while (server.server.stats().response_bytes_held > 0) std::this_thread::yield();
    EXPECT_EQ(client.request(get("/fill?2000000")).status, 200);
}

TEST(Limits, connections_above_the_cap_are_closed) {
    ServerOptions options;
    options.connections_max = 2;
    options.full_wait_ms = 10;
    TestServer server(options);
    TestClient first(server.server.port());
    TestClient second(server.server.port());
    EXPECT_EQ(first.request(get("/")).status, 200);
    EXPECT_EQ(second.request(get("/")).status, 200);
    TestClient third(server.server.port());
    EXPECT_TRUE(third.is_closed_by_server());
    EXPECT_EQ(server.server.stats().refused_connections_max, 1U);
}

// A client that connects right after others were closed is not refused because their end was not yet noticed.
TEST(Limits, a_connection_above_the_cap_waits_for_one_that_ends) {
    ServerOptions options;
    options.connections_max = 1;
    options.full_wait_ms = 600'000;
    TestServer server(options);
    auto first = std::make_unique<TestClient>(server.server.port());
    EXPECT_EQ(first->request(get("/")).status, 200);
    TestClient second(server.server.port());
    second.send(get("/"));
    second.set_timeout_ms(50);
    EXPECT_FALSE(second.fill());
    EXPECT_TRUE(second.timed_out) << "neither served nor closed";
    second.set_timeout_ms(10'000);
    first.reset();
    EXPECT_EQ(second.read_response().status, 200);
    EXPECT_EQ(server.server.stats().refused_connections_max, 0U);
}

TEST(Limits, connections_of_one_address_are_capped_and_ended_ones_make_room) {
    ServerOptions options;
    options.connections_per_address_max = 1;
    TestServer server(options);
    {
        TestClient first(server.server.port());
        EXPECT_EQ(first.request(get("/")).status, 200);
        TestClient second(server.server.port());
        EXPECT_TRUE(second.is_closed_by_server());
        EXPECT_EQ(server.server.stats().refused_per_address, 1U);
    }
    while (server.server.stats().connections_open > 0) std::this_thread::yield();
    TestClient third(server.server.port());
    EXPECT_EQ(third.request(get("/")).status, 200);
}

TEST(Limits, a_connection_counts_once_against_the_accept_rate) {
    ServerOptions options;
    options.accept_burst = 30;
    options.accept_rate = 0;
    TestServer server(options);
    for (int i = 0; i < 29; ++i) {
        TestClient client(server.server.port());
        ASSERT_EQ(client.request(get("/")).status, 200);
    }
    EXPECT_EQ(server.server.stats().accept_delayed, 0U);
}

TEST(Limits, above_the_accept_rate_connections_wait) {
    ServerOptions options;
    options.accept_burst = 2;
    options.accept_rate = 100;
    TestServer server(options);
    for (int i = 0; i < 6; ++i) {
        TestClient client(server.server.port());
        EXPECT_EQ(client.request(get("/")).status, 200);
    }
    EXPECT_GT(server.server.stats().accept_delayed, 0U);
}

TEST(Limits, a_connection_serves_a_bounded_number_of_requests) {
    ServerOptions options;
    options.requests_per_connection_max = 2;
    TestServer server(options);
    TestClient client(server.server.port());
    EXPECT_FALSE(client.request(get("/")).headers.contains("connection"));
    EXPECT_EQ(client.request(get("/")).headers["connection"], "close");
    EXPECT_TRUE(client.is_closed_by_server());
}

// --- slow clients, on a clock that the test moves -------------------------------------------------------------------

class SlowClients : public ::testing::Test {
protected:
    // Makes sure that the one core has processed everything sent before.
    void settle() {
        TestClient probe(server_.server.port());
        ASSERT_EQ(probe.request("GET / HTTP/1.0\r\n\r\n").status, 200);
        ASSERT_TRUE(probe.is_closed_by_server());
    }
    // Moves the clock, and returns once the server has swept with the new time.
    void advance(std::int64_t span_ms) {
        clock_.advance_ms(span_ms);
        const std::uint64_t before = server_.server.stats().sweeps;
        while (server_.server.stats().sweeps < before + 2) std::this_thread::yield();
        settle();
    }
    // Moves the clock in steps until the client receives bytes or the connection ends; returns the elapsed time.
    std::int64_t advance_until_heard(TestClient& client, std::int64_t step_ms = 500) {
        std::int64_t waited_ms = 0;
        client.set_timeout_ms(1);
        while (!client.fill() && client.timed_out && waited_ms < 1'000'000) {
            advance(step_ms);
            waited_ms += step_ms;
        }
        client.set_timeout_ms(10'000);
        return waited_ms;
    }
    // Moves the clock in steps until the server has given up a response that its client does not read; returns the
    // elapsed time.
    std::int64_t advance_until_write_timeout() {
        std::int64_t waited_ms = 0;
        while (server_.server.stats().timeout_write == 0 && waited_ms < 1'000'000) {
            advance(500);
            waited_ms += 500;
        }
        return waited_ms;
    }

    core::ManualClock clock_{TimestampMs(1'700'000'000'000)};
    TestServer server_{ServerOptions{}, 1, &clock_};
};

TEST_F(SlowClients, a_head_that_takes_longer_than_ten_seconds_is_408) {
    TestClient client(server_.server.port());
    client.send("GET / HTTP/1.1\r\nHo");
    settle();
    clock_.advance_ms(9'000);
    client.send("st: t\r\nX-Drip: a");  // further bytes do not extend the timeout
    settle();
    const std::int64_t waited_ms = advance_until_heard(client);
    EXPECT_GE(waited_ms, 1'000);
    EXPECT_LE(waited_ms, 2'500);
    EXPECT_EQ(client.read_response().status, 408);
    client.finish_sending();
    EXPECT_EQ(client.read_to_end(), "");
    EXPECT_EQ(server_.server.stats().timeout_head, 1U);
}

TEST_F(SlowClients, an_idle_connection_is_closed_after_75_seconds) {
    TestClient client(server_.server.port());
    EXPECT_EQ(client.request(get("/")).status, 200);
    TestClient silent(server_.server.port());
    settle();
    clock_.advance_ms(74'000);
    EXPECT_EQ(client.request(get("/")).status, 200);
    settle();
    const std::int64_t silent_ms = advance_until_heard(silent);
    EXPECT_LE(silent_ms, 2'500);
    EXPECT_EQ(silent.received, "");
    clock_.advance_ms(70'000);
    EXPECT_EQ(client.request(get("/")).status, 200) << "a request begins the time anew";
    settle();
    EXPECT_GE(advance_until_heard(client), 75'000);
    EXPECT_EQ(server_.server.stats().timeout_idle, 2U);
}

TEST_F(SlowClients, a_body_that_drips_is_408_within_25_seconds) {
    TestClient client(server_.server.port());
    client.send("POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: 100000\r\n\r\n");
    settle();
    std::int64_t elapsed_ms = 0;
    client.set_timeout_ms(1);
    while (!client.fill() && elapsed_ms < 60'000) {
        client.send("0123456789");
        advance(1'000);
        elapsed_ms += 1'000;
    }
    EXPECT_GE(elapsed_ms, 19'000);
    EXPECT_LE(elapsed_ms, 25'000);
    EXPECT_EQ(client.read_response().status, 408);
    EXPECT_EQ(server_.server.stats().timeout_body, 1U);
}

TEST_F(SlowClients, a_body_above_the_minimum_rate_has_two_minutes) {
    TestClient client(server_.server.port());
    client.send("POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: 10000000\r\n\r\n");
    settle();
    std::int64_t elapsed_ms = 0;
    client.set_timeout_ms(1);
    const std::string piece(1'100, 'x');
    while (!client.fill() && elapsed_ms < 300'000) {
        client.send(piece);
        settle();
        advance(1'000);
        elapsed_ms += 1'000;
    }
    EXPECT_GE(elapsed_ms, 120'000);
    EXPECT_LE(elapsed_ms, 125'000);
    EXPECT_EQ(client.read_response().status, 408);
}

TEST_F(SlowClients, a_client_that_does_not_read_is_closed_after_30_seconds) {
    TestClient client(server_.server.port(), 4096);
    client.send(get("/fill?20000000"));
    while (server_.handler.handled == 0) std::this_thread::yield();
    settle();
    const std::int64_t waited_ms = advance_until_write_timeout();
    EXPECT_GE(waited_ms, 30'000);
    EXPECT_LE(waited_ms, 40'000);
    EXPECT_LT(client.read_to_end().size(), 20'000'000U);
}

// Slow clients are served without limit while memory is free; when requests wait for their memory they are
// disconnected.
class ScarceMemory : public SlowClients {
protected:
    void fill_up(core::MemoryUse use) {
        held_ = core::MemoryLease(server_.memory, use);
        ASSERT_TRUE(held_.grow_to(server_.memory.share(use) - server_.memory.used(use)));
    }
    core::MemoryLease held_;
};

TEST_F(ScarceMemory, an_unfinished_body_that_stands_still_is_408_within_seconds) {
    TestClient client(server_.server.port());
    client.send("POST /size HTTP/1.1\r\nHost: t\r\nContent-Length: 16000000\r\n\r\n" + std::string(1'000'000, 'x'));
    settle();
    advance(5'000);
    EXPECT_EQ(server_.server.stats().timeout_body, 0U);
    fill_up(core::MemoryUse::large_bodies);
    EXPECT_LE(advance_until_heard(client), 5'500);
    EXPECT_EQ(client.read_response().status, 408);
    held_.shrink_to(0);
}

TEST_F(ScarceMemory, a_large_reply_that_nobody_reads_is_given_up_within_seconds) {
    TestClient client(server_.server.port(), 4096);
    client.send(get("/fill?20000000"));
    while (server_.handler.handled == 0) std::this_thread::yield();
    settle();
    advance(5'000);
    EXPECT_EQ(server_.server.stats().timeout_write, 0U);
    fill_up(core::MemoryUse::replies);
    const std::int64_t waited_ms = advance_until_write_timeout();
    EXPECT_LE(waited_ms, 10'000);
    held_.shrink_to(0);
}

TEST_F(SlowClients, a_client_that_reads_a_little_now_and_then_is_served) {
    TestClient client(server_.server.port(), 4096);
    client.send(get("/fill?8000000"));
    std::size_t seen = 0;
    for (int i = 0; seen < 8'000'000; ++i) {
        if (i % 8 == 0) {
            settle();
            clock_.advance_ms(20'000);
        }
        ASSERT_TRUE(client.fill());
        seen = client.received.size();
    }
    EXPECT_EQ(client.read_response().body.size(), 8'000'000U);
}

}  // namespace
}  // namespace riacho::http::test
