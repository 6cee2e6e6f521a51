// HTTP/2 with prior knowledge over real sockets, against an nghttp2 client.
#include <gtest/gtest.h>
#include <nghttp2/nghttp2.h>

#include <set>
#include <thread>

#include "http/detail/test_h2_client.h"

namespace riacho::http::test {
namespace {

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

TEST(Http2, an_exception_ends_only_its_stream) {
    TestServer server;
    H2Client client(server.server.port());
    EXPECT_EQ(client.request("POST", "/throw", "x").status, 500);
    EXPECT_EQ(client.request("POST", "/echo", "x").body, "x");
    EXPECT_EQ(client.request("POST", "/throw-early", "x").status, 500);
    EXPECT_EQ(server.server.stats().handler_exceptions, 2U);
}

TEST(Http2, a_connection_serves_a_bounded_number_of_requests) {
    ServerOptions options;
    options.requests_per_connection_max = 2;
    TestServer server(options);
    H2Client client(server.server.port());
    EXPECT_EQ(client.request("GET", "/").status, 200);
    EXPECT_EQ(client.request("GET", "/").status, 200);
    client.run_to_end();
    EXPECT_FALSE(client.goaways.empty());
}

TEST(Http2, long_values_stay_out_of_the_table_of_the_compression) {
    TestServer server;
    H2Client client(server.server.port());
    const auto& short_id = client.request("GET", "/id?32");
    EXPECT_EQ(short_id.headers.at("x-id").size(), 32U);
    EXPECT_TRUE(short_id.never_indexed.empty());
    const auto& long_id = client.request("GET", "/id?33");
    EXPECT_EQ(long_id.headers.at("x-id").size(), 33U);
    EXPECT_EQ(long_id.never_indexed, std::set<std::string>{"x-id"});
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
    std::string body;
    body.resize(BodyPlan::size_max_default, 'u');
    EXPECT_EQ(client.request("POST", "/size", body).body, "16777216");
    EXPECT_EQ(client.request("POST", "/size", body + "u").status, 413);
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
    const std::string& body = client.request("GET", "/fill?15000000").body;
    EXPECT_EQ(body.size(), 15'000'000U);
    EXPECT_EQ(body.find_first_not_of('f'), std::string::npos);
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
    ids.reserve(513);
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
    ids.reserve(513);
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
    // The list size counts 32 bytes more for each field: here five fields with 26 bytes of names and 22 of values.
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

// A response with a producer for a stream that its client has cancelled: the producer is not run.
TEST(Http2, a_stream_cancelled_before_its_streamed_response_is_no_exception) {
    TestServer server;
    H2Client client(server.server.port());
    const std::int32_t cancelled = client.submit("GET", "/wait-stream");
    const std::int32_t kept = client.submit("GET", "/wait-stream");
    client.flush();
    while (server.handler.handled < 2) std::this_thread::yield();
    client.reset(cancelled);
    ASSERT_EQ(client.request("POST", "/echo", "x").body, "x");
    server.handler.release();
    EXPECT_EQ(client.finish(kept).body, std::string(3'000, 's'));
    EXPECT_EQ(server.server.stats().handler_exceptions, 0U);
}

TEST(Http2, a_status_without_a_body_runs_no_producer) {
    TestServer server;
    server.handler.release();
    H2Client client(server.server.port());
    const auto& stream = client.request("GET", "/wait-stream?204");
    EXPECT_EQ(stream.status, 204);
    EXPECT_EQ(stream.error, NGHTTP2_NO_ERROR);
    EXPECT_EQ(server.server.stats().handler_exceptions, 0U);
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
