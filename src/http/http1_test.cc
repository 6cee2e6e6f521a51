// HTTP/1.1 over real sockets.
#include <gtest/gtest.h>

#include <thread>

#include "http/detail/test_support.h"

namespace riacho::http::test {
namespace {

TEST(Http1, one_connection_serves_requests_one_after_another) {
    TestServer server;
    TestClient client(server.server.port());
    for (int i = 0; i < 3; ++i) {
        const std::string body = "body " + std::to_string(i);
        const TestResponse response = client.request(post("/echo", body));
        EXPECT_EQ(response.status, 200);
        EXPECT_EQ(response.body, body);
    }
    EXPECT_EQ(server.server.stats().connections_accepted, 1U);
    EXPECT_EQ(server.server.stats().requests, 3U);
}

TEST(Http1, a_request_is_seen_as_it_was_sent) {
    TestServer server;
    TestClient client(server.server.port());
    client.send("OPTIONS /about/x?a=1&b=%20 HTTP/1.1\r\nHost: h.example:80\r\nX-Test:  value \r\n\r\n");
    EXPECT_EQ(client.read_response().status, 200);
    const TestResponse response =
        client.request("GET /about?a=1&b=%20 HTTP/1.1\r\nHost: h.example:80\r\nx-tEST:  v \r\n\r\n");
    EXPECT_EQ(response.body,
              "method=GET\ntarget=/about?a=1&b=%20\npath=/about\nquery=a=1&b=%20\nauthority=h.example:80\n"
              "peer=127.0.0.1\nsecure=no\nversion=1\nx-test=v\n");
}

TEST(Http1, the_absolute_form_gives_the_same_path) {
    TestServer server;
    TestClient client(server.server.port());
    const TestResponse response = client.request("GET http://a.example/about?q HTTP/1.1\r\nHost: a.example\r\n\r\n");
    EXPECT_NE(response.body.find("path=/about\nquery=q\n"), std::string::npos);
}

TEST(Http1, pipelined_requests_are_answered_in_order) {
    TestServer server;
    TestClient client(server.server.port());
    std::string all;
    for (int i = 0; i < 300; ++i) all += post("/echo", "number " + std::to_string(i));
    client.send(all);
    for (int i = 0; i < 300; ++i) ASSERT_EQ(client.read_response().body, "number " + std::to_string(i));
}

TEST(Http1, a_request_may_arrive_byte_by_byte) {
    TestServer server;
    TestClient client(server.server.port());
    for (const char c : post("/echo", "slowly")) client.send({&c, 1});
    EXPECT_EQ(client.read_response().body, "slowly");
}

// More bytes are read while the protocol is unknown than a block holds.
TEST(Http1, a_large_first_flight_after_a_first_byte_is_served) {
    TestServer server;
    TestClient client(server.server.port());
    client.send("P");
    TestClient other(server.server.port());
    EXPECT_EQ(other.request(get("/")).status, 200);
    const std::string body(200'000, 'b');
    client.send(post("/echo", body).substr(1));
    EXPECT_EQ(client.read_response().body, body);
}

TEST(Http1, an_empty_line_before_a_request_is_ignored) {
    TestServer server;
    TestClient client(server.server.port());
    EXPECT_EQ(client.request("\r\n" + post("/echo", "x")).body, "x");
}

TEST(Http1, version_1_0_closes_unless_asked_to_stay) {
    TestServer server;
    TestClient staying(server.server.port());
    TestResponse response = staying.request("GET /fill?3 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    EXPECT_EQ(response.headers["connection"], "keep-alive");
    EXPECT_EQ(staying.request("GET /fill?3 HTTP/1.0\r\n\r\n").body, "fff");
    EXPECT_TRUE(staying.is_closed_by_server());
}

TEST(Http1, connection_close_is_honoured_and_said) {
    TestServer server;
    TestClient client(server.server.port());
    TestResponse response = client.request("GET /fill?3 HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n");
    EXPECT_EQ(response.headers["connection"], "close");
    EXPECT_TRUE(client.is_closed_by_server());
    TestClient other(server.server.port());
    EXPECT_EQ(other.request(get("/close")).headers["connection"], "close");
    other.finish_sending();
    EXPECT_TRUE(other.is_closed_by_server());
}

TEST(Http1, a_head_request_gets_the_length_without_the_body) {
    TestServer server;
    TestClient client(server.server.port());
    client.send("HEAD /fill?500 HTTP/1.1\r\nHost: t\r\n\r\n");
    EXPECT_EQ(client.read_response(false).headers["content-length"], "500");
    EXPECT_EQ(client.request(post("/echo", "next")).body, "next");
}

TEST(Http1, every_response_has_a_date_and_an_exact_length) {
    TestServer server;
    TestClient client(server.server.port());
    TestResponse response = client.request(get("/nothing"));
    EXPECT_EQ(response.headers["content-length"], "0");
    EXPECT_EQ(response.headers["date"].size(), std::string_view("Mon, 23 Nov 2026 08:00:00 GMT").size());
    EXPECT_FALSE(response.headers.contains("content-type"));
}

TEST(Http1, chunked_bodies_are_put_together_and_the_next_request_follows) {
    TestServer server;
    TestClient client(server.server.port());
    client.send(
        "POST /echo HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n"
        "5\r\nhello\r\n6;name=value\r\n world\r\n0\r\nTrailer: ignored\r\n\r\n" +
        post("/echo", "after"));
    EXPECT_EQ(client.read_response().body, "hello world");
    EXPECT_EQ(client.read_response().body, "after");
}

// The chunk decoder accepts pieces that end anywhere; bytes read beyond the last chunk belong to the next request.
TEST(Http1, chunked_bodies_may_be_cut_anywhere) {
    TestServer server;
    std::string body;
    std::string text = "POST /echo HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n";
    for (int i = 0; i < 40; ++i) {
        const std::string piece(static_cast<std::size_t>(1 + i * 37), static_cast<char>('a' + i % 26));
        char size[16];
        std::snprintf(size, sizeof size, "%zx\r\n", piece.size());
        text += size + piece + "\r\n";
        body += piece;
    }
    text += "0\r\n\r\n" + post("/echo", "after");
    for (const std::size_t step : {1UL, 7UL, 1000UL, 16384UL, 20000UL}) {
        TestClient client(server.server.port());
        for (std::size_t at = 0; at < text.size(); at += step) client.send(std::string_view(text).substr(at, step));
        ASSERT_EQ(client.read_response().body, body) << step;
        ASSERT_EQ(client.read_response().body, "after") << step;
    }
}

TEST(Http1, continue_is_sent_when_the_client_waits_for_it) {
    TestServer server;
    TestClient client(server.server.port());
    client.send("POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n");
    EXPECT_EQ(client.read_response().status, 100);
    client.send("hello");
    EXPECT_EQ(client.read_response().body, "hello");
    // No 100 Continue when the body has arrived already.
    EXPECT_EQ(
        client.request("POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\nagain").body,
        "again");
}

TEST(Http1, an_answer_from_the_head_comes_before_the_body) {
    TestServer server;
    TestClient client(server.server.port());
    TestResponse response =
        client.request("POST /refuse HTTP/1.1\r\nHost: t\r\nContent-Length: 1000000\r\nExpect: 100-continue\r\n\r\n");
    EXPECT_EQ(response.status, 403);
    EXPECT_EQ(response.body, "refused");
    EXPECT_EQ(server.handler.handled, 0);
}

TEST(Http1, a_small_unread_body_does_not_cost_the_connection) {
    TestServer server;
    TestClient client(server.server.port());
    EXPECT_EQ(client.request(post("/refuse", std::string(30'000, 'x'))).status, 403);
    EXPECT_EQ(client.request(post("/echo", "still here")).body, "still here");
}

TEST(Http1, bodies_of_all_sizes_arrive_whole) {
    TestServer server;
    TestClient client(server.server.port());
    for (const std::size_t size : {0UL, 1UL, 16'000UL, 16'384UL, 16'385UL, 65'536UL, 65'537UL, 1'000'000UL}) {
        std::string body(size, '\0');
        for (std::size_t i = 0; i < size; ++i) body[i] = static_cast<char>(i * 31 + i / 251);
        ASSERT_EQ(client.request(post("/echo", body)).body, body) << size;
    }
}

TEST(Http1, the_padding_after_a_body_can_be_read) {
    TestServer server;
    TestClient client(server.server.port());
    for (const std::size_t size : {0UL, 1UL, 16'000UL, 16'340UL, 16'384UL, 70'000UL, 1'048'576UL}) {
        ASSERT_EQ(client.request(post("/padding", std::string(size, '\1'))).body, std::to_string(size));
        char chunk[32];
        std::snprintf(chunk, sizeof chunk, "%zx\r\n", size);
        const std::string data = size == 0 ? "" : chunk + std::string(size, '\1') + "\r\n";
        ASSERT_EQ(
            client
                .request("POST /padding HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n" + data + "0\r\n\r\n")
                .body,
            std::to_string(size));
    }
}

TEST(Http1, a_large_response_reaches_a_slow_reader_whole) {
    TestServer server;
    TestClient client(server.server.port(), 4096);
    client.send(get("/fill?15000000"));
    const TestResponse response = client.read_response();
    EXPECT_EQ(response.body.size(), 15'000'000U);
    EXPECT_EQ(response.body.find_first_not_of('f'), std::string::npos);
}

TEST(Http1, a_streamed_response_is_chunked_and_complete) {
    TestServer server;
    TestClient client(server.server.port());
    TestResponse response = client.request(get("/stream?200"));
    EXPECT_EQ(response.headers["transfer-encoding"], "chunked");
    EXPECT_EQ(response.headers["complete"], "yes");
    EXPECT_EQ(response.body, std::string(200'000, 's'));
    EXPECT_EQ(client.request(post("/echo", "next")).body, "next");
}

TEST(Http1, a_streamed_response_to_version_1_0_ends_with_the_connection) {
    TestServer server;
    TestClient client(server.server.port());
    client.send("GET /stream?3 HTTP/1.0\r\n\r\n");
    const std::string all = client.read_to_end();
    EXPECT_EQ(all.substr(all.find("\r\n\r\n") + 4), std::string(3000, 's'));
    EXPECT_EQ(all.find("transfer-encoding"), std::string::npos);
}

// Back-pressure: a producer gets ahead of its client by no more than the socket's buffers.
TEST(Http1, a_producer_waits_for_its_client_and_learns_that_it_has_gone) {
    TestServer server;
    {
        TestClient client(server.server.port(), 4096);
        client.send(get("/endless"));
        client.fill();
        // The one core serves other requests meanwhile; a producer that did not wait would keep it busy.
        TestClient other(server.server.port());
        for (int i = 0; i < 200; ++i) ASSERT_EQ(other.request(get("/fill?50000")).body.size(), 50'000U);
        EXPECT_LT(server.handler.endless_written, 10'000'000U);
    }
    while (server.handler.endless_ended == 0) std::this_thread::yield();
}

TEST(Http1, an_exception_becomes_a_500_and_is_counted) {
    TestServer server;
    TestClient client(server.server.port());
    EXPECT_EQ(client.request(get("/throw")).status, 500);
    EXPECT_EQ(client.request(post("/echo", "next")).body, "next");
    EXPECT_EQ(client.request(get("/throw-early")).status, 500);
    EXPECT_EQ(server.server.stats().handler_exceptions, 2U);
}

TEST(Http1, stopping_finishes_what_is_under_way_and_closes_what_is_idle) {
    TestServer server({}, 2);
    TestClient idle(server.server.port());
    EXPECT_EQ(idle.request(get("/")).status, 200);
    TestClient busy(server.server.port());
    busy.send(get("/wait"));
    while (server.handler.handled < 2) std::this_thread::yield();
    std::thread stopping([&] { server.server.stop(60'000); });
    EXPECT_TRUE(idle.is_closed_by_server());
    server.handler.release();
    TestResponse response = busy.read_response();
    EXPECT_EQ(response.status, 200);
    EXPECT_EQ(response.headers["connection"], "close");
    stopping.join();
    EXPECT_EQ(server.server.stats().connections_open, 0U);
}

TEST(Http1, after_the_grace_connections_are_closed_hard) {
    TestServer server;
    TestClient client(server.server.port(), 4096);
    client.send(get("/endless"));
    client.fill();
    server.server.stop(0);
    EXPECT_EQ(server.handler.endless_ended, 1);
}

TEST(Http1, a_socket_for_both_families_shows_plain_addresses) {
    ServerOptions options;
    options.address = "::";
    TestServer server(options);
    TestClient client(server.server.port());
    EXPECT_NE(client.request(get("/about")).body.find("peer=127.0.0.1\n"), std::string::npos);
}

TEST(Http1, a_port_in_use_is_reported) {
    TestServer server;
    ServerOptions options;
    options.port = server.server.port();
    Server second(options, server.runtime, server.system_clock, server.handler, server.memory);
    const auto listening = second.listen();
    ASSERT_FALSE(listening);
    EXPECT_EQ(listening.error().kind, ListenError::Kind::address_in_use);
    options.address = "not-an-address";
    Server third(options, server.runtime, server.system_clock, server.handler, server.memory);
    EXPECT_EQ(third.listen().error().kind, ListenError::Kind::bad_address);
}

TEST(HeaderList, control_characters_cannot_start_another_field) {
    HeaderList headers;
    headers.add("x-echo", "a\r\nset-cookie: b");
    headers.add("x-other", "c");
    EXPECT_EQ(headers.text(), "x-echo: a  set-cookie: b\r\nx-other: c\r\n");
    EXPECT_EQ(headers.find("x-other"), "c");
    EXPECT_EQ(headers.find("set-cookie"), std::nullopt);
}

TEST(Http1, a_status_without_a_body_runs_no_producer) {
    TestServer server;
    server.handler.release();
    TestClient client(server.server.port());
    client.send(get("/wait-stream?204"));
    const TestResponse response = client.read_response(false);
    EXPECT_EQ(response.status, 204);
    EXPECT_FALSE(response.headers.contains("transfer-encoding"));
    EXPECT_EQ(client.request(post("/echo", "next")).body, "next");
}

}  // namespace
}  // namespace riacho::http::test
