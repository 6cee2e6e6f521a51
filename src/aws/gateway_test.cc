// The gateway over a real connection, with a service made for the test: uploads and downloads. tests/api covers the
// requests of the models.
#include "aws/gateway.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string>

#include "aws/authenticator.h"
#include "aws/gen/video_media/operations.gen.h"
#include "aws/gen/video_media/types_get_media.gen.h"
#include "aws/gen/video_media/types_put_media.gen.h"
#include "aws/operation.h"
#include "core/clock.h"
#include "core/memory_budget.h"
#include "core/rng.h"
#include "core/runtime.h"
#include "core/task.h"
#include "http/server.h"
#include "wire/sigv4.h"

namespace riacho::aws {
namespace {

namespace api = api::video_media;

struct Service {};

struct Op {
    Op(OpContext&, Service&) {}
    [[nodiscard]] static std::optional<ApiError> admit() { return std::nullopt; }
};

// Writes the length of each piece while the upload goes on.
Task<void> acknowledge(BodyReader* body, BodyWriter* out) {
    for (;;) {
        const BodyPiece piece = co_await body->read(0);
        std::string text = "end\n";
        if (piece.kind == BodyPiece::Kind::data) text = "got " + std::to_string(piece.data.size()) + "\n";
        if (piece.kind == BodyPiece::Kind::broken) text = "broken\n";
        const bool written = co_await out->write(text);
        if (!written || piece.kind != BodyPiece::Kind::data) co_return;
    }
}

Task<Result<Download<api::PutMediaOutput>>> put_media(Op, api::PutMediaInput input, BodyReader* body) {
    Download<api::PutMediaOutput> reply;
    EXPECT_EQ(input.stream_name, "cam1");
    reply.producer = [body](BodyWriter& out) { return acknowledge(body, &out); };
    co_return reply;
}

Task<void> write_twice(BodyWriter* out) {
    for (const std::string_view text : {"one", "two"}) {
        if (!co_await out->write(text)) co_return;
    }
}

Task<Result<Download<api::GetMediaOutput>>> get_media(Op, api::GetMediaInput) {
    Download<api::GetMediaOutput> reply;
    reply.output.content_type = "video/webm";
    reply.producer = [](BodyWriter& out) { return write_twice(&out); };
    co_return reply;
}

using Operations = OperationList<BindDownload<api::GetMedia, &get_media>, BindUpload<api::PutMedia, &put_media>>;
static_assert(covers<Operations, api::AllOperations>);

class OneKey final : public CredentialStore {
public:
    [[nodiscard]] std::optional<Credential> find(std::string_view access_key) const override {
        if (access_key != "AKID") return std::nullopt;
        return Credential{"123456789012", "secret", "", "producer", 1};
    }
};

struct Node {
    explicit Node(bool verify = false)
        : authenticator({verify, "123456789012", "us-east-1"}, keys, clock, rng), gateway(authenticator, clock, rng) {
        gateway.add_service({&api::model, &service, operation_table<Op, Service>(Operations{})});
        EXPECT_TRUE(server.listen().has_value());
        runtime.start();
    }
    ~Node() {
        server.stop(0);
        runtime.stop();
    }

    core::SystemClock clock;
    core::SeededRng rng{1};
    core::MemoryBudget memory{core::MemoryBudget::unlimited()};
    OneKey keys;
    Service service;
    Authenticator authenticator;
    Gateway gateway;
    core::Runtime runtime{1};
    http::Server server{{}, runtime, clock, gateway, memory};
};

// A blocking connection.
class Client {
public:
    explicit Client(std::uint16_t port) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(port);
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        EXPECT_EQ(::connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
        const timeval patience{.tv_sec = 60, .tv_usec = 0};
        setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    }
    ~Client() { ::close(fd_); }
    Client(const Client&) = delete;
    Client& operator=(const Client&) = delete;

    void send(std::string_view text) const {
        ASSERT_EQ(::send(fd_, text.data(), text.size(), MSG_NOSIGNAL), static_cast<ssize_t>(text.size()));
    }
    // Everything up to and including the text; everything received if the connection ends before.
    std::string read_until(std::string_view text) {
        std::size_t found = 0;
        while ((found = received_.find(text)) == std::string::npos) {
            char buffer[4096];
            const ssize_t size = ::recv(fd_, buffer, sizeof buffer, 0);
            if (size <= 0) return std::exchange(received_, {});
            received_.append(buffer, static_cast<std::size_t>(size));
        }
        std::string result = received_.substr(0, found + text.size());
        received_.erase(0, result.size());
        return result;
    }

private:
    int fd_;
    std::string received_;
};

constexpr std::string_view unsigned_head =
    "POST /putMedia HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\nX-Amz-Date: 20260101T000000Z\r\n"
    "Authorization: AWS4-HMAC-SHA256 Credential=AKID/20260101/us-east-1/kinesisvideo/aws4_request, SignedHeaders=host, "
    "Signature=00\r\nx-amzn-stream-name: cam1\r\nx-amzn-producer-start-timestamp: 1.5\r\n";
constexpr std::string_view absolute = "x-amzn-fragment-timecode-type: ABSOLUTE\r\n\r\n";

TEST(Gateway, an_upload_is_acknowledged_while_it_goes_on) {
    Node node;
    Client client(node.server.port());
    client.send(unsigned_head);
    client.send(absolute);
    const std::string head = client.read_until("\r\n\r\n");
    EXPECT_TRUE(head.starts_with("HTTP/1.1 200 ")) << head;
    EXPECT_NE(head.find("content-type: application/json\r\n"), std::string::npos) << head;
    EXPECT_NE(head.find("x-amzn-requestid: "), std::string::npos) << head;
    client.send("3\r\nabc\r\n");
    EXPECT_TRUE(client.read_until("got 3\n").ends_with("got 3\n"));
    client.send("2\r\nde\r\n");
    EXPECT_TRUE(client.read_until("got 2\n").ends_with("got 2\n"));
    client.send("0\r\n\r\n");
    EXPECT_TRUE(client.read_until("0\r\n\r\n").find("end\n") != std::string::npos);
}

TEST(Gateway, an_upload_is_refused_before_its_first_byte) {
    Node node;
    Client client(node.server.port());
    client.send(unsigned_head);
    client.send("x-amzn-fragment-timecode-type: SIDEREAL\r\n\r\n");
    const std::string reply = client.read_until("to the end");
    EXPECT_TRUE(reply.starts_with("HTTP/1.1 400 ")) << reply;
    EXPECT_NE(reply.find("x-amzn-errortype: InvalidArgumentException\r\n"), std::string::npos) << reply;
    EXPECT_NE(reply.find("Value 'SIDEREAL' at 'fragmentTimecodeType'"), std::string::npos) << reply;
}

// Sends "media" under the signed hash of `promised`; returns the reply.
std::string upload_signed(Node& node, std::string_view promised) {
    const std::string hash = to_hex(as_text(sha256(promised)));
    const std::vector<wire::sigv4::Field> headers{{"x-amzn-stream-name", "cam1"},
                                                  {"x-amzn-producer-start-timestamp", "1.5"},
                                                  {"x-amzn-fragment-timecode-type", "ABSOLUTE"}};
    const wire::sigv4::Request request{
        .method = "POST", .path = "/putMedia", .query = {}, .authority = "localhost", .headers = headers};
    wire::sigv4::SignOptions options;
    options.now = node.clock.now();
    options.region = "us-east-1";
    options.service = "kinesisvideo";
    options.payload_hash = hash;
    const auto made = wire::sigv4::sign(request, {.access_key = "AKID", .secret = "secret"}, options);
    std::string text = "POST /putMedia HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nConnection: close\r\n";
    const auto add = [&](std::string_view name, std::string_view value) {
        text.append(name).append(": ").append(value).append("\r\n");
    };
    for (const auto& [name, value] : headers) add(name, value);
    for (const auto& [name, value] : made.fields) add(name, value);
    Client client(node.server.port());
    client.send(text + "\r\nmedia");
    return client.read_until("to the end");
}

TEST(Gateway, a_signed_body_must_be_the_one_that_was_signed) {
    Node node(true);
    const std::string good = upload_signed(node, "media");
    EXPECT_TRUE(good.starts_with("HTTP/1.1 200 ")) << good;
    EXPECT_NE(good.find("got 5\n"), std::string::npos) << good;
    EXPECT_NE(good.find("end\n"), std::string::npos) << good;
    const std::string bad = upload_signed(node, "another");
    EXPECT_TRUE(bad.starts_with("HTTP/1.1 200 ")) << bad;
    EXPECT_NE(bad.find("broken\n"), std::string::npos) << bad;
}

TEST(Gateway, a_download_has_its_own_media_type_and_no_frames) {
    Node node;
    Client client(node.server.port());
    client.send(
        "POST /getMedia HTTP/1.1\r\nHost: localhost\r\nContent-Length: 77\r\nX-Amz-Date: 20260101T000000Z\r\n"
        "Authorization: AWS4-HMAC-SHA256 Credential=AKID/20260101/us-east-1/kinesisvideo/aws4_request, "
        "SignedHeaders=host, Signature=00\r\n\r\n"
        R"({"StreamName":"cam1","StartSelector":{"StartSelectorType":"NOW"},"Nothing":0})");
    const std::string reply = client.read_until("two\r\n0\r\n\r\n");
    EXPECT_TRUE(reply.starts_with("HTTP/1.1 200 ")) << reply;
    EXPECT_NE(reply.find("content-type: video/webm\r\n"), std::string::npos) << reply;
    EXPECT_EQ(reply.find("application/json"), std::string::npos) << reply;
    EXPECT_TRUE(reply.ends_with("\r\n\r\n3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n")) << reply;
}

}  // namespace
}  // namespace riacho::aws
