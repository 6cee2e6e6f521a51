// HTTP/2 with prior knowledge over real sockets, against an nghttp2 client.
#include <gtest/gtest.h>
#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <thread>
#include <vector>

#include "http/detail/test_support.h"

namespace riacho::http::test {
namespace {

// A client session on a blocking socket. Window updates are sent as data arrives unless a stream is held.
class H2Client {
public:
    struct Stream {
        int status = 0;
        std::map<std::string, std::string> headers;
        std::string body;
        std::string upload;
        std::size_t uploaded = 0;
        bool closed = false;
        std::uint32_t error = 0;
        bool held = false;  // its window is not opened again
    };

    explicit H2Client(std::uint16_t port, std::int32_t stream_window = 65'535) : client_(port) {
        nghttp2_session_callbacks* callbacks = nullptr;
        nghttp2_session_callbacks_new(&callbacks);
        nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
        nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
        nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_close);
        nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
        nghttp2_option* option = nullptr;
        nghttp2_option_new(&option);
        nghttp2_option_set_no_auto_window_update(option, 1);
        nghttp2_option_set_peer_max_concurrent_streams(option, 10'000);
        nghttp2_session_client_new2(&session_, callbacks, this, option);
        nghttp2_option_del(option);
        nghttp2_session_callbacks_del(callbacks);
        const nghttp2_settings_entry window{NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE,
                                            static_cast<std::uint32_t>(stream_window)};
        nghttp2_submit_settings(session_, 0, &window, 1);
        nghttp2_session_set_local_window_size(session_, 0, 0, 1 << 30);
    }
    ~H2Client() { nghttp2_session_del(session_); }
    H2Client(const H2Client&) = delete;
    H2Client& operator=(const H2Client&) = delete;

    using Headers = std::vector<std::pair<std::string, std::string>>;

    std::int32_t submit(const std::string& method, const std::string& path, std::string body = {},
                        const Headers& more = {}, bool end = true) {
        std::vector<nghttp2_nv> fields;
        const auto add = [&fields](const std::string& name, const std::string& value) {
            fields.push_back({reinterpret_cast<std::uint8_t*>(const_cast<char*>(name.data())),
                              reinterpret_cast<std::uint8_t*>(const_cast<char*>(value.data())), name.size(),
                              value.size(), NGHTTP2_NV_FLAG_NONE});
        };
        const Headers pseudo = {{":method", method}, {":scheme", "http"}, {":authority", "test"}, {":path", path}};
        for (const auto& [name, value] : pseudo) add(name, value);
        for (const auto& [name, value] : more) add(name, value);
        nghttp2_data_provider provider{};
        provider.read_callback = read_upload;
        provider.source.fd = end ? 1 : 0;
        const bool has_body = !body.empty() || !end;
        const std::int32_t id = nghttp2_submit_request(session_, nullptr, fields.data(), fields.size(),
                                                       has_body ? &provider : nullptr, nullptr);
        streams[id].upload = std::move(body);
        return id;
    }
    void flush() {
        const std::uint8_t* data = nullptr;
        for (;;) {
            const ssize_t n = nghttp2_session_mem_send(session_, &data);
            if (n <= 0) return;
            if (!client_.send({reinterpret_cast<const char*>(data), static_cast<std::size_t>(n)})) return;
        }
    }
    // False when the server has closed or is silent for too long.
    bool step() {
        flush();
        if (!client_.fill()) return false;
        const auto n = nghttp2_session_mem_recv(
            session_, reinterpret_cast<const std::uint8_t*>(client_.received.data()), client_.received.size());
        client_.received.clear();
        flush();
        return n >= 0;
    }
    Stream& finish(std::int32_t id) {
        while (!streams[id].closed && step()) {
        }
        return streams[id];
    }
    Stream& request(const std::string& method, const std::string& path, std::string body = {},
                    const Headers& more = {}) {
        return finish(submit(method, path, std::move(body), more));
    }
    void run_to_end() {
        while (step()) {
        }
    }
    void resume(std::int32_t id) {
        Stream& stream = streams[id];
        stream.held = false;
        nghttp2_session_consume(session_, id, stream.body.size());
        flush();
    }
    void reset(std::int32_t id, std::uint32_t code = NGHTTP2_CANCEL) {
        nghttp2_submit_rst_stream(session_, 0, id, code);
    }

    [[nodiscard]] TestClient& socket() { return client_; }
    [[nodiscard]] nghttp2_session* session() { return session_; }

    std::map<std::int32_t, Stream> streams;
    std::vector<std::uint32_t> goaways;
    int pings_acknowledged = 0;

private:
    static H2Client& self(void* user) { return *static_cast<H2Client*>(user); }
    static int on_header(nghttp2_session*, const nghttp2_frame* frame, const std::uint8_t* name, std::size_t name_size,
                         const std::uint8_t* value, std::size_t value_size, std::uint8_t, void* user) {
        Stream& stream = self(user).streams[frame->hd.stream_id];
        const std::string n(reinterpret_cast<const char*>(name), name_size);
        const std::string v(reinterpret_cast<const char*>(value), value_size);
        if (n == ":status") {
            stream.status = std::stoi(v);
        } else {
            stream.headers[n] = v;
        }
        return 0;
    }
    static int on_data(nghttp2_session* session, std::uint8_t, std::int32_t id, const std::uint8_t* data,
                       std::size_t size, void* user) {
        Stream& stream = self(user).streams[id];
        stream.body.append(reinterpret_cast<const char*>(data), size);
        if (!stream.held) nghttp2_session_consume(session, id, size);
        return 0;
    }
    static int on_close(nghttp2_session*, std::int32_t id, std::uint32_t error, void* user) {
        self(user).streams[id].closed = true;
        self(user).streams[id].error = error;
        return 0;
    }
    static int on_frame(nghttp2_session*, const nghttp2_frame* frame, void* user) {
        if (frame->hd.type == NGHTTP2_GOAWAY) self(user).goaways.push_back(frame->goaway.error_code);
        if (frame->hd.type == NGHTTP2_PING && (frame->hd.flags & NGHTTP2_FLAG_ACK) != 0)
            ++self(user).pings_acknowledged;
        return 0;
    }
    static ssize_t read_upload(nghttp2_session*, std::int32_t id, std::uint8_t* to, std::size_t capacity,
                               std::uint32_t* flags, nghttp2_data_source* source, void* user) {
        Stream& stream = self(user).streams[id];
        const std::size_t n = std::min(capacity, stream.upload.size() - stream.uploaded);
        std::copy_n(stream.upload.data() + stream.uploaded, n, reinterpret_cast<char*>(to));
        stream.uploaded += n;
        if (stream.uploaded == stream.upload.size()) {
            if (source->fd == 0) return n > 0 ? static_cast<ssize_t>(n) : NGHTTP2_ERR_DEFERRED;
            *flags |= NGHTTP2_DATA_FLAG_EOF;
        }
        return static_cast<ssize_t>(n);
    }

    TestClient client_;
    nghttp2_session* session_ = nullptr;
};

std::string frame(std::size_t size, int type, int flags, std::uint32_t stream, std::string_view payload) {
    std::string text;
    for (int shift = 16; shift >= 0; shift -= 8) text += static_cast<char>(size >> shift);
    text += static_cast<char>(type);
    text += static_cast<char>(flags);
    for (int shift = 24; shift >= 0; shift -= 8) text += static_cast<char>(stream >> shift);
    return text.append(payload);
}
std::string frame(int type, int flags, std::uint32_t stream, std::string_view payload) {
    return frame(payload.size(), type, flags, stream, payload);
}
const std::string preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(NGHTTP2_SETTINGS, 0, 0, "");
// ":method: GET", ":scheme: http", ":path: /" from the static table, ":authority: t" literally.
const std::string get_block = "\x82\x86\x84\x41\x01t";

// The error code of the first GOAWAY in what the server sent, or -1.
int goaway_code(std::string_view received) {
    for (std::size_t at = 0; at + 9 <= received.size();) {
        const auto byte = [&](std::size_t i) {
            return static_cast<std::size_t>(static_cast<unsigned char>(received[i]));
        };
        const std::size_t size = byte(at) << 16 | byte(at + 1) << 8 | byte(at + 2);
        if (byte(at + 3) == NGHTTP2_GOAWAY && at + 17 <= received.size()) return static_cast<int>(byte(at + 16));
        at += 9 + size;
    }
    return -1;
}

TEST(Http2, requests_and_responses_pass) {
    TestServer server;
    H2Client client(server.server.port());
    const auto& about = client.request("GET", "/about?q=1", {}, {{"x-test", "v"}});
    EXPECT_EQ(about.status, 200);
    EXPECT_EQ(about.body,
              "method=GET\ntarget=/about?q=1\npath=/about\nquery=q=1\nauthority=test\npeer=127.0.0.1\nsecure=no\n"
              "version=2\nx-test=v\n");
    auto& echo = client.request("POST", "/echo", "hello");
    EXPECT_EQ(echo.body, "hello");
    EXPECT_EQ(echo.headers["content-length"], "5");
    EXPECT_TRUE(echo.headers["date"].ends_with(" GMT"));
    EXPECT_EQ(client.request("POST", "/throw").status, 500);
    EXPECT_EQ(server.server.stats().connections_h2, 1U);
}

TEST(Http2, a_head_request_has_no_body) {
    TestServer server;
    H2Client client(server.server.port());
    auto& head = client.request("HEAD", "/fill?1000");
    EXPECT_EQ(head.headers["content-length"], "1000");
    EXPECT_EQ(head.body, "");
}

TEST(Http2, a_16_MiB_upload_is_served_and_one_byte_more_is_413) {
    TestServer server;
    H2Client client(server.server.port());
    EXPECT_EQ(client.request("POST", "/size", std::string(BodyLimit::size_max_default, 'u')).body, "16777216");
    EXPECT_EQ(client.request("POST", "/size", std::string(BodyLimit::size_max_default + 1, 'u')).status, 413);
    EXPECT_EQ(client.request("POST", "/tiny", "0123456789").body, "0123456789");
    EXPECT_EQ(client.request("POST", "/tiny", "0123456789x").status, 413);
    EXPECT_EQ(client.finish(client.submit("POST", "/tiny", {}, {{"content-length", "11"}}, false)).status, 413);
    EXPECT_EQ(client.request("POST", "/echo", "still usable").body, "still usable");
    while (server.server.stats().body_bytes_held > 0) std::this_thread::yield();
}

TEST(Http2, the_padding_after_a_body_can_be_read) {
    TestServer server;
    H2Client client(server.server.port());
    for (const std::size_t size : {0UL, 1UL, 65'472UL, 65'536UL, 1'000'000UL}) {
        ASSERT_EQ(client.request("POST", "/padding", std::string(size, '\1')).body, std::to_string(size));
    }
}

TEST(Http2, a_large_response_arrives_whole) {
    TestServer server;
    H2Client client(server.server.port(), 1 << 20);
    EXPECT_EQ(client.request("GET", "/fill?15000000").body, std::string(15'000'000, 'f'));
}

TEST(Http2, a_streamed_response_is_complete) {
    TestServer server;
    H2Client client(server.server.port());
    const auto& stream = client.request("GET", "/stream?300");
    EXPECT_EQ(stream.body, std::string(300'000, 's'));
    EXPECT_EQ(stream.error, NGHTTP2_NO_ERROR);
}

TEST(Http2, many_streams_are_served_side_by_side) {
    TestServer server;
    H2Client client(server.server.port());
    std::vector<std::int32_t> ids;
    for (int i = 0; i < 400; ++i)
        ids.push_back(client.submit("POST", i % 2 == 0 ? "/wait" : "/echo", std::to_string(i)));
    for (int i = 1; i < 400; i += 2) EXPECT_EQ(client.finish(ids[static_cast<std::size_t>(i)]).body, std::to_string(i));
    server.handler.release();
    for (const std::int32_t id : ids) EXPECT_EQ(client.finish(id).status, 200);
}

// A consumer that stops reading one stream must not hold back the others, nor make its producer run ahead.
TEST(Http2, a_stream_without_window_blocks_only_itself) {
    TestServer server;
    H2Client client(server.server.port());
    const std::int32_t slow = client.submit("GET", "/endless");
    client.streams[slow].held = true;
    const std::int32_t large = client.submit("GET", "/fill?3000000");
    EXPECT_EQ(client.finish(large).body.size(), 3'000'000U);
    for (int i = 0; i < 50; ++i) ASSERT_EQ(client.request("POST", "/echo", "x").body, "x");
    EXPECT_EQ(client.streams[slow].body.size(), 65'535U);
    EXPECT_LE(server.handler.endless_written, 65'536U);
    client.resume(slow);
    while (client.streams[slow].body.size() < 1'000'000) ASSERT_TRUE(client.step());
    client.reset(slow);
    EXPECT_EQ(client.request("POST", "/echo", "x").body, "x");
    while (server.handler.endless_ended == 0) std::this_thread::yield();
}

TEST(Http2, streams_above_the_maximum_are_refused) {
    TestServer server;
    H2Client client(server.server.port());
    std::vector<std::int32_t> ids;
    for (int i = 0; i < 513; ++i) ids.push_back(client.submit("GET", "/wait"));
    EXPECT_EQ(client.finish(ids.back()).error, NGHTTP2_REFUSED_STREAM);
    server.handler.release();
    for (int i = 0; i < 512; ++i) EXPECT_EQ(client.finish(ids[static_cast<std::size_t>(i)]).status, 200);
}

TEST(Http2, an_answer_from_the_head_ends_the_upload) {
    TestServer server;
    H2Client client(server.server.port());
    const auto& stream = client.finish(client.submit("POST", "/refuse", "begin", {}, false));
    EXPECT_EQ(stream.status, 403);
    EXPECT_EQ(stream.body, "refused");
    EXPECT_EQ(stream.error, NGHTTP2_NO_ERROR);
    EXPECT_EQ(client.request("POST", "/echo", "x").body, "x");
}

TEST(Http2, expect_continue_is_answered) {
    TestServer server;
    H2Client client(server.server.port());
    const std::int32_t id = client.submit("POST", "/echo", {}, {{"expect", "100-continue"}}, false);
    while (client.streams[id].status == 0) ASSERT_TRUE(client.step());
    EXPECT_EQ(client.streams[id].status, 100);
}

TEST(Http2, header_lists_above_the_limits_are_431_and_the_connection_lives) {
    TestServer server;
    H2Client client(server.server.port());
    // The list's size counts 32 bytes more for each field: here five with 26 bytes of names and 22 of values.
    const auto pseudo = 4 * 32 + 7 + 7 + 10 + 5 + 3 + 4 + 4 + 1;
    const auto filler = [&](std::size_t total) {
        H2Client::Headers headers;
        std::size_t used = pseudo;
        for (; total - used > 8'000; used += 32 + 4 + 4'000) headers.emplace_back("x-fi", std::string(4'000, 'v'));
        headers.emplace_back("x-la", std::string(total - used - 36, 'v'));
        return headers;
    };
    EXPECT_EQ(client.request("GET", "/", {}, filler(32 * 1024)).status, 200);
    EXPECT_EQ(client.request("GET", "/", {}, filler(32 * 1024 + 1)).status, 431);
    H2Client::Headers many(100, {"x", "y"});
    EXPECT_EQ(client.request("GET", "/", {}, many).status, 200);
    many.emplace_back("x", "y");
    EXPECT_EQ(client.request("GET", "/", {}, many).status, 431);
    EXPECT_EQ(client.request("GET", "/", {}, {{"x", std::string(16 * 1024 - 3, 'v')}}).status, 200);
    EXPECT_EQ(client.request("GET", "/", {}, {{"x", std::string(16 * 1024 - 2, 'v')}}).status, 431);
    EXPECT_EQ(client.request("GET", "/" + std::string(8191, 'p')).status, 200);
    EXPECT_EQ(client.request("GET", "/" + std::string(8192, 'p')).status, 414);
    EXPECT_EQ(server.handler.handled, 4);
}

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

// The application's own counter: slower than what nghttp2 bounds, but nothing is ever completed.
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

// CVE-2024-28182: a header block that never ends.
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

TEST(Http2Hostile, a_settings_flood_ends_the_connection) {
    TestServer server;
    TestClient client(server.server.port());
    std::string settings;
    for (int i = 0; i < 33; ++i) settings += std::string("\x00\x04\x00\x00\xff\xff", 6);
    client.send(preface + frame(NGHTTP2_SETTINGS, 0, 0, settings));
    EXPECT_GE(goaway_code(client.read_to_end()), 0) << "more than 32 entries in one frame";
}

// The server stops reading while its answers are not read, and what it may owe is bounded.
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
    // Advances in steps until the connection or the condition ends it; the time that took.
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

TEST(Http2, stopping_says_goaway_and_finishes_streams) {
    TestServer server({}, 2);
    H2Client idle(server.server.port());
    EXPECT_EQ(idle.request("GET", "/").status, 200);
    H2Client busy(server.server.port());
    const std::int32_t id = busy.submit("GET", "/wait");
    busy.flush();
    while (server.handler.handled < 2) std::this_thread::yield();
    std::thread stopping([&] { server.server.stop(60'000); });
    idle.run_to_end();
    EXPECT_FALSE(idle.goaways.empty());
    while (busy.goaways.size() < 2) ASSERT_TRUE(busy.step());
    server.handler.release();
    EXPECT_EQ(busy.finish(id).status, 200);
    busy.run_to_end();
    stopping.join();
    EXPECT_EQ(server.server.stats().connections_open, 0U);
}

TEST(Http2, a_client_that_disappears_ends_its_streams) {
    TestServer server;
    {
        H2Client client(server.server.port());
        client.submit("GET", "/endless");
        client.submit("GET", "/wait");
        while (client.streams.empty() || client.streams.begin()->second.body.empty()) ASSERT_TRUE(client.step());
    }
    while (server.handler.endless_ended == 0) std::this_thread::yield();
    server.handler.release();
    while (server.server.stats().connections_open > 0) std::this_thread::yield();
}

TEST(Http2, many_short_sessions_leave_nothing_behind) {
    TestServer server({}, 2);
    for (int i = 0; i < 500; ++i) {
        H2Client client(server.server.port());
        ASSERT_EQ(client.request("POST", "/echo", "x").body, "x") << i;
    }
    while (server.server.stats().connections_open > 0) std::this_thread::yield();
    EXPECT_EQ(server.server.stats().requests, 500U);
}

}  // namespace
}  // namespace riacho::http::test
