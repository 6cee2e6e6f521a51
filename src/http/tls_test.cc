// TLS on the same port, ALPN, and the self-signed certificate.
#include <gtest/gtest.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>

#include "http/detail/test_certificate.h"
#include "http/detail/test_support.h"

namespace riacho::http::test {
namespace {

// A blocking TLS connection that trusts the certificate and checks the name.
class TlsClient {
public:
    TlsClient(std::uint16_t port, const Certificate& certificate, std::string_view alpn, const char* name = "localhost",
              int version_max = 0, const char* ciphers = "ALL:@SECLEVEL=0")
        : socket_(port), context_(SSL_CTX_new(TLS_client_method())) {
        SSL_CTX_load_verify_locations(context_, certificate.files.cert_path.c_str(), nullptr);
        SSL_CTX_set_verify(context_, SSL_VERIFY_PEER, nullptr);
        if (version_max != 0) {
            SSL_CTX_set_min_proto_version(context_, TLS1_VERSION);
            SSL_CTX_set_max_proto_version(context_, version_max);
            SSL_CTX_set_cipher_list(context_, ciphers);
        }
        ssl_ = SSL_new(context_);
        SSL_set_fd(ssl_, socket_.fd());
        SSL_set1_host(ssl_, name);
        if (!alpn.empty()) {
            SSL_set_alpn_protos(ssl_, reinterpret_cast<const unsigned char*>(alpn.data()),
                                static_cast<unsigned>(alpn.size()));
        }
        connected = SSL_connect(ssl_) == 1;
    }
    ~TlsClient() {
        SSL_free(ssl_);
        SSL_CTX_free(context_);
    }
    TlsClient(const TlsClient&) = delete;
    TlsClient& operator=(const TlsClient&) = delete;

    void send(std::string_view data) { SSL_write(ssl_, data.data(), static_cast<int>(data.size())); }
    std::string read_until(std::string_view wanted) {
        std::string all;
        char buffer[16384];
        while (all.find(wanted) == std::string::npos) {
            const int n = SSL_read(ssl_, buffer, sizeof buffer);
            if (n <= 0) break;
            all.append(buffer, static_cast<std::size_t>(n));
        }
        return all;
    }
    std::string read_bytes(std::size_t size) {
        std::string all;
        char buffer[16384];
        while (all.size() < size) {
            const int n = SSL_read(ssl_, buffer, sizeof buffer);
            if (n <= 0) break;
            all.append(buffer, static_cast<std::size_t>(n));
        }
        return all;
    }
    std::string alpn() {
        const unsigned char* name = nullptr;
        unsigned size = 0;
        SSL_get0_alpn_selected(ssl_, &name, &size);
        return {reinterpret_cast<const char*>(name), size};
    }
    [[nodiscard]] SSL* ssl() { return ssl_; }
    bool connected = false;

private:
    TestClient socket_;
    SSL_CTX* context_;
    SSL* ssl_ = nullptr;
};

const std::string h2_preface = std::string("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n") + std::string("\0\0\0\4\0\0\0\0\0", 9);
constexpr std::string_view both = "\x02h2\x08http/1.1";
constexpr std::string_view http1_only = "\x08http/1.1";

TEST(Tls, http1_by_alpn) {
    const Certificate certificate;
    TestServer server(certificate.options());
    TlsClient client(server.server.port(), certificate, http1_only);
    ASSERT_TRUE(client.connected);
    EXPECT_EQ(client.alpn(), "http/1.1");
    client.send(get("/about"));
    EXPECT_NE(client.read_until("x-test").find("secure=yes\n"), std::string::npos);
    client.send(post("/echo", "again"));
    EXPECT_NE(client.read_until("again").find("200 OK"), std::string::npos);
    EXPECT_EQ(server.server.stats().connections_tls, 1U);
}

TEST(Tls, h2_is_preferred_by_alpn) {
    const Certificate certificate;
    TestServer server(certificate.options());
    TlsClient client(server.server.port(), certificate, both);
    EXPECT_EQ(client.alpn(), "h2");
    client.send(h2_preface);
    EXPECT_EQ(client.read_bytes(9).substr(3, 2), std::string("\4\0", 2)) << "the server's SETTINGS";
    EXPECT_EQ(server.server.stats().connections_h2, 1U);
}

// A Java client with an "assumed" protocol sends the HTTP/2 preface without ALPN.
TEST(Tls, an_h2_preface_without_alpn_is_accepted) {
    const Certificate certificate;
    TestServer server(certificate.options());
    TlsClient client(server.server.port(), certificate, "");
    EXPECT_EQ(client.alpn(), "");
    client.send(h2_preface);
    EXPECT_EQ(client.read_bytes(9).substr(3, 2), std::string("\4\0", 2));
}

TEST(Tls, plain_clients_are_served_on_the_same_port) {
    const Certificate certificate;
    TestServer server(certificate.options());
    TestClient client(server.server.port());
    EXPECT_EQ(client.request(post("/echo", "plain")).body, "plain");
}

TEST(Tls, without_a_certificate_tls_clients_are_turned_away) {
    const Certificate certificate;
    TestServer server;
    TlsClient client(server.server.port(), certificate, both);
    EXPECT_FALSE(client.connected);
}

TEST(Tls, large_bodies_pass_both_ways) {
    const Certificate certificate;
    TestServer server(certificate.options());
    TlsClient client(server.server.port(), certificate, http1_only);
    const std::string body(3'000'000, 'b');
    client.send(post("/echo", body));
    const std::string answer = client.read_until("\r\n\r\n");
    const std::size_t head = answer.find("\r\n\r\n") + 4;
    EXPECT_EQ(answer.substr(head) + client.read_bytes(body.size() + head - answer.size()), body);
}

TEST(Tls, the_certificate_holds_for_every_name_it_was_made_for) {
    const Certificate certificate;
    TestServer server(certificate.options());
    for (const char* name : {"localhost", "127.0.0.1", "::1", "box.example", "10.1.2.3"}) {
        EXPECT_TRUE(TlsClient(server.server.port(), certificate, both, name).connected) << name;
    }
    EXPECT_FALSE(TlsClient(server.server.port(), certificate, both, "other.example").connected);
}

TEST(Tls, version_1_1_is_refused_and_1_2_is_not) {
    const Certificate certificate;
    TestServer server(certificate.options());
    EXPECT_FALSE(TlsClient(server.server.port(), certificate, both, "localhost", TLS1_1_VERSION).connected);
    EXPECT_TRUE(TlsClient(server.server.port(), certificate, both, "localhost", TLS1_2_VERSION).connected);
    EXPECT_GE(server.server.stats().tls_failed, 1U);
}

TEST(Tls, version_1_2_has_forward_secrecy_and_no_cbc_suite) {
    const Certificate certificate;
    TestServer server(certificate.options());
    const auto connects = [&](const char* ciphers) {
        return TlsClient(server.server.port(), certificate, "", "localhost", TLS1_2_VERSION, ciphers).connected;
    };
    EXPECT_TRUE(connects("ECDHE+AESGCM"));
    EXPECT_TRUE(connects("ECDHE+CHACHA20"));
    EXPECT_FALSE(connects("ECDHE+AES:!AESGCM:!AESCCM:@SECLEVEL=0")) << "CBC";
    EXPECT_FALSE(connects("AES128-GCM-SHA256:AES256-GCM-SHA384:@SECLEVEL=0")) << "without forward secrecy";
}

TEST(Tls, a_handshake_that_takes_longer_than_ten_seconds_is_ended) {
    const Certificate certificate;
    core::ManualClock clock(TimestampMs(1'700'000'000'000));
    TestServer server(certificate.options(), 1, &clock);
    TestClient client(server.server.port());
    client.send("\x16\x03\x01");
    client.set_timeout_ms(8);
    std::int64_t waited_ms = 0;
    while (!client.fill() && client.timed_out && waited_ms < 60'000) {
        clock.advance_ms(1'000);
        waited_ms += 1'000;
    }
    EXPECT_GE(waited_ms, 10'000);
    EXPECT_LE(waited_ms, 14'000);
    EXPECT_EQ(server.server.stats().timeout_handshake, 1U);
}

TEST(Tls, stopping_ends_idle_tls_connections) {
    const Certificate certificate;
    TestServer server(certificate.options());
    TlsClient client(server.server.port(), certificate, both);
    client.send(h2_preface);
    EXPECT_FALSE(client.read_bytes(9).empty());
    server.server.stop(60'000);
    EXPECT_EQ(server.server.stats().connections_open, 0U);
}

TEST(SelfSigned, only_the_owner_may_read_the_key) {
    const Certificate certificate;
    struct stat status{};
    ASSERT_EQ(::stat(certificate.files.key_path.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777, 0600U);
    EXPECT_TRUE(check_certificate(certificate.files));
    EXPECT_FALSE(std::filesystem::exists(certificate.files.key_path + ".tmp"));
}

TEST(SelfSigned, what_is_wrong_with_a_pair_is_told) {
    const Certificate one;
    const Certificate other;
    const auto swapped = check_certificate({.cert_path = one.files.cert_path, .key_path = other.files.key_path});
    ASSERT_FALSE(swapped);
    EXPECT_NE(swapped.error().message.find(other.files.key_path), std::string::npos);
    const auto missing = check_certificate({.cert_path = one.directory + "/none.pem", .key_path = one.files.key_path});
    ASSERT_FALSE(missing);
    EXPECT_NE(missing.error().message.find("none.pem"), std::string::npos);
    EXPECT_FALSE(make_self_signed({.cert_path = "/nonexistent/c", .key_path = "/nonexistent/k"}, {}, 0));
}

}  // namespace
}  // namespace riacho::http::test
