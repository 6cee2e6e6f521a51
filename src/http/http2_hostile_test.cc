// HTTP/2 from hostile or stalled clients: floods, compression bombs, and slowness on a clock that the test moves.
#include <gtest/gtest.h>
#include <nghttp2/nghttp2.h>

#include <thread>

#include "http/detail/test_h2_client.h"
#include "http/detail/test_shares.h"

namespace riacho::http::test {
namespace {

// CVE-2023-44487.
TEST(Http2Hostile, rapid_reset_ends_the_connection_before_1100_resets) {
    TestServer server;
    TestClient client(server.server.port());
    std::string flood = preface;
    for (std::uint32_t i = 0; i < 10'000; ++i) {
        const std::uint32_t id = 2 * i + 1;
        flood += frame(NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS | NGHTTP2_FLAG_END_STREAM, id, get_block);
        flood += frame(NGHTTP2_RST_STREAM, 0, id, std::string("\0\0\0\x08", 4));
    }
    std::thread sending([&] { client.send(flood); });
    const std::string received = client.read_to_end();
    sending.join();
    EXPECT_EQ(goaway_code(received), NGHTTP2_ENHANCE_YOUR_CALM);
    EXPECT_LE(server.handler.handled, 1'100);
    EXPECT_EQ(server.server.stats().h2_floods, 1U);
}

// The server's own counter: resets below nghttp2's rate limit from a client that completes nothing.
TEST(Http2Hostile, cancelling_every_stream_ends_the_connection) {
    TestServer server;
    H2Client client(server.server.port());
    int sent = 0;
    while (client.goaways.empty() && sent < 1'000) {
        const std::int32_t id = client.submit("GET", "/wait");
        client.flush();
        client.reset(id);
        ++sent;
        if (sent % 50 == 0) {
            nghttp2_submit_ping(client.session(), 0, nullptr);
            const int before = client.pings_acknowledged;
            while (client.pings_acknowledged == before && client.goaways.empty() && client.step()) {
            }
        }
        client.flush();
    }
    ASSERT_FALSE(client.goaways.empty());
    EXPECT_EQ(client.goaways.front(), NGHTTP2_ENHANCE_YOUR_CALM);
    EXPECT_LE(sent, 300);
}

TEST(Http2Hostile, a_client_that_cancels_now_and_then_is_served) {
    TestServer server;
    H2Client client(server.server.port());
    for (int i = 0; i < 400; ++i) {
        const std::int32_t id = client.submit("GET", "/wait");
        client.flush();
        client.reset(id);
        ASSERT_EQ(client.request("POST", "/echo", "x").status, 200) << i;
    }
    EXPECT_TRUE(client.goaways.empty());
}

// CVE-2024-28182: an endless header block.
TEST(Http2Hostile, a_continuation_flood_ends_the_connection_within_nine_frames) {
    TestServer server;
    TestClient client(server.server.port());
    client.send(preface + frame(NGHTTP2_HEADERS, NGHTTP2_FLAG_END_STREAM, 1, get_block));
    for (int i = 0; i < 9; ++i) client.send(frame(NGHTTP2_CONTINUATION, 0, 1, std::string("\x00\x01x\x01y", 5)));
    const std::string received = client.read_to_end();
    EXPECT_EQ(goaway_code(received), NGHTTP2_ENHANCE_YOUR_CALM);
    EXPECT_EQ(server.handler.handled, 0);
}

TEST(Http2Hostile, a_header_block_above_64_KiB_ends_the_connection) {
    TestServer server;
    TestClient client(server.server.port());
    client.send(preface + frame(NGHTTP2_HEADERS, NGHTTP2_FLAG_END_STREAM, 1, get_block));
    // Literal fields of 16,000 bytes: 0x00, name length 1, name, value length 16,000 - 127 in two more bytes, value.
    const std::string field = std::string("\x00\x01x\x7f\x81\x7c", 6) + std::string(16'000, 'v');
    for (int i = 0; i < 6; ++i) client.send(frame(NGHTTP2_CONTINUATION, 0, 1, field));
    EXPECT_EQ(goaway_code(client.read_to_end()), NGHTTP2_ENHANCE_YOUR_CALM);
    EXPECT_EQ(server.handler.handled, 0);
}

// One small block that decodes to a huge list by repeating an entry of the dynamic table.
TEST(Http2Hostile, an_hpack_bomb_is_refused) {
    TestServer server;
    TestClient client(server.server.port());
    // Literal with indexing: name "x", value of 4,000 bytes (127 + 3,873); then the indexed entry 62 many times.
    std::string block = get_block + std::string("\x40\x01x\x7f\xa1\x1e", 6) + std::string(4'000, 'v');
    block += std::string(10'000, '\xbe');
    client.send(preface + frame(NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS | NGHTTP2_FLAG_END_STREAM, 1, block));
    EXPECT_EQ(goaway_code(client.read_to_end()), NGHTTP2_ENHANCE_YOUR_CALM);
    EXPECT_EQ(server.server.stats().h2_floods, 1U);
    EXPECT_EQ(server.handler.handled, 0);
}

// The same with heads below the limit: many streams that wait for their bodies.
TEST(Http2Hostile, heads_beyond_what_the_server_holds_are_shed) {
    TestServer server({}, 1, nullptr, shares_with({{core::MemoryUse::bodies, 100'000}}));
    H2Client client(server.server.port());
    const H2Client::Headers large = {{"x-large", std::string(3'000, 'v')},
                                     {"x-too", std::string(3'000, 'v')},
                                     {"x-more", std::string(3'000, 'v')},
                                     {"x-last", std::string(3'000, 'v')}};
    std::vector<std::int32_t> waiting;
    for (int i = 0; i < 20; ++i) waiting.push_back(client.submit("POST", "/echo", {}, large, false));
    while (client.streams[waiting.back()].status == 0 && client.step()) {
    }
    int shed = 0;
    for (const std::int32_t id : waiting) shed += client.streams[id].status == 503 ? 1 : 0;
    EXPECT_GE(shed, 12);
    EXPECT_LE(server.server.stats().body_bytes_held, 100'000U);
    for (const std::int32_t id : waiting) client.reset(id);
    client.flush();
    EXPECT_EQ(client.request("POST", "/echo", "x", large).body, "x");
    while (server.server.stats().body_bytes_held > 0) std::this_thread::yield();
}

// Responses that clients do not read are bounded memory, too.
TEST(Http2Hostile, responses_beyond_what_the_server_holds_are_given_up) {
    TestServer server({}, 1, nullptr, shares_with({{core::MemoryUse::replies, 3'500'000}}));
    H2Client client(server.server.port(), 0);
    std::vector<std::int32_t> unread;
    for (int i = 0; i < 10; ++i) unread.push_back(client.submit("GET", "/fill?1000000"));
    while (client.streams[unread.back()].status == 0 && client.step()) {
    }
    int served = 0;
    for (const std::int32_t id : unread) served += client.streams[id].status == 200 ? 1 : 0;
    EXPECT_EQ(served, 3);
    EXPECT_EQ(server.server.stats().response_bytes_held, 3'000'000U);
    EXPECT_EQ(server.server.stats().shed, 7U);
    TestClient other(server.server.port());
    EXPECT_EQ(other.request(get("/fill?100000")).body.size(), 100'000U) << "small answers go on";
    for (const std::int32_t id : unread) client.reset(id);
    client.flush();
    while (server.server.stats().response_bytes_held > 0) std::this_thread::yield();
    EXPECT_EQ(other.request(get("/fill?1000000")).body.size(), 1'000'000U);
}

TEST(Http2Hostile, a_settings_flood_ends_the_connection) {
    TestServer server;
    TestClient client(server.server.port());
    std::string settings;
    for (int i = 0; i < 33; ++i) settings += std::string("\x00\x04\x00\x00\xff\xff", 6);
    client.send(preface + frame(NGHTTP2_SETTINGS, 0, 0, settings));
    EXPECT_GE(goaway_code(client.read_to_end()), 0) << "more than 32 entries in one frame";
}

// The server stops reading while its responses are not read, and the responses it owes are bounded.
TEST(Http2Hostile, a_ping_flood_ends_the_connection_or_waits) {
    TestServer server;
    TestClient client(server.server.port(), 4096);
    const std::string ping = frame(NGHTTP2_PING, 0, 0, "12345678");
    std::string flood;
    for (int i = 0; i < 3'000; ++i) flood += ping;
    client.send(preface);
    const timeval patience{.tv_sec = 2, .tv_usec = 0};
    setsockopt(client.fd(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    bool open = true;
    for (int i = 0; i < 2'000 && open; ++i) open = client.send(flood);
    EXPECT_FALSE(open) << "102 MB of pings were taken";
    EXPECT_EQ(server.server.stats().h2_floods, 1U);
}

TEST(Http2Hostile, a_window_overflow_is_an_error) {
    TestServer server;
    TestClient client(server.server.port());
    client.send(preface + frame(NGHTTP2_WINDOW_UPDATE, 0, 0, "\x7f\xff\xff\xff"));
    EXPECT_EQ(goaway_code(client.read_to_end()), NGHTTP2_FLOW_CONTROL_ERROR);
}

TEST(Http2Hostile, garbage_after_the_preface_ends_the_connection) {
    TestServer server;
    TestClient client(server.server.port());
    client.send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + std::string(100, 'x'));
    EXPECT_GE(goaway_code(client.read_to_end()), 0);
}

class SlowH2Clients : public ::testing::Test {
protected:
    // Advances the clock in steps until the connection or the condition ends the loop; returns the elapsed time.
    template <class Done>
    std::int64_t advance_until(H2Client& client, Done done) {
        std::int64_t waited_ms = 0;
        client.socket().set_timeout_ms(8);
        while (!done() && waited_ms < 1'000'000) {
            if (!client.step() && !client.socket().timed_out) break;
            clock_.advance_ms(1'000);
            waited_ms += 1'000;
        }
        client.socket().set_timeout_ms(10'000);
        return waited_ms;
    }

    core::ManualClock clock_{TimestampMs(1'700'000'000'000)};
    TestServer server_{ServerOptions{}, 1, &clock_};
};

TEST_F(SlowH2Clients, an_idle_session_is_closed_after_75_seconds) {
    H2Client client(server_.server.port());
    EXPECT_EQ(client.request("GET", "/").status, 200);
    const std::int64_t waited_ms = advance_until(client, [&] { return !client.goaways.empty(); });
    EXPECT_GE(waited_ms, 74'000);
    EXPECT_LE(waited_ms, 80'000);
    EXPECT_EQ(client.goaways.front(), NGHTTP2_NO_ERROR);
}

TEST_F(SlowH2Clients, a_session_with_a_stream_is_not_idle) {
    H2Client client(server_.server.port());
    const std::int32_t id = client.submit("GET", "/wait");
    client.flush();
    while (server_.handler.handled == 0) std::this_thread::yield();
    clock_.advance_ms(500'000);
    EXPECT_EQ(client.request("GET", "/").status, 200);
    server_.handler.release();
    EXPECT_EQ(client.finish(id).status, 200);
}

TEST_F(SlowH2Clients, a_dripping_upload_is_408) {
    H2Client client(server_.server.port());
    const std::int32_t id = client.submit("POST", "/echo", "begin", {}, false);
    client.flush();
    EXPECT_EQ(client.request("GET", "/").status, 200);
    const std::int64_t waited_ms = advance_until(client, [&] { return client.streams[id].status != 0; });
    EXPECT_GE(waited_ms, 19'000);
    EXPECT_LE(waited_ms, 25'000);
    EXPECT_EQ(client.streams[id].status, 408);
    EXPECT_EQ(client.request("POST", "/echo", "x").body, "x");
}

TEST_F(SlowH2Clients, a_header_block_without_end_ends_the_connection_after_ten_seconds) {
    TestClient client(server_.server.port());
    client.send(preface + frame(NGHTTP2_HEADERS, 0, 1, get_block));
    while (client.received.size() < 9) ASSERT_TRUE(client.fill());
    std::int64_t waited_ms = 0;
    client.set_timeout_ms(8);
    while (goaway_code(client.received) < 0 && waited_ms < 60'000) {
        client.fill();
        clock_.advance_ms(1'000);
        waited_ms += 1'000;
    }
    EXPECT_GE(waited_ms, 10'000);
    EXPECT_LE(waited_ms, 14'000);
}

TEST_F(SlowH2Clients, a_stream_that_is_not_read_is_reset_after_30_seconds) {
    H2Client client(server_.server.port());
    const std::int32_t id = client.submit("GET", "/endless");
    client.streams[id].held = true;
    const std::int32_t plain = client.submit("GET", "/fill?100000");
    client.streams[plain].held = true;
    const std::int64_t waited_ms =
        advance_until(client, [&] { return client.streams[id].closed && client.streams[plain].closed; });
    EXPECT_GE(waited_ms, 29'000);
    EXPECT_LE(waited_ms, 36'000);
    EXPECT_EQ(client.streams[id].error, NGHTTP2_CANCEL);
    while (server_.handler.endless_ended == 0) std::this_thread::yield();
    EXPECT_EQ(client.request("POST", "/echo", "x").body, "x");
}

}  // namespace
}  // namespace riacho::http::test
