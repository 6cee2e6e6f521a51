// Tests of uploads verified by their head alone. AWS: video spec 1.5, one test for each row of its table.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "wire/sigv4.h"

namespace riacho::wire::sigv4 {
namespace {

constexpr std::string_view secret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
constexpr TimestampMs midnight{1795305600000};  // 2026-11-22T00:00:00Z
constexpr std::string_view nothing = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
constexpr Scope scope{"20261122", "us-west-2", "kinesisvideo", "aws4_request"};

// A PutMedia request as the C producer sends it: hop-by-hop headers signed, the host without its port.
struct Upload {
    std::vector<Field> headers{{"host", "localhost:4566"},         {"connection", "keep-alive"},
                               {"transfer-encoding", "chunked"},   {"content-type", "application/json"},
                               {"x-amz-date", "20261122T000000Z"}, {"x-amzn-stream-name", "cam1"}};
    std::string signed_headers = "connection;host;transfer-encoding;x-amz-date;x-amzn-stream-name";
    std::string authorization;

    [[nodiscard]] Request request() const {
        return {.method = "POST", .path = "/putMedia", .query = {}, .authority = "localhost:4566", .headers = headers};
    }

    void sign(std::string_view payload_hash, std::string_view host) {
        std::vector<Field> as_signed = headers;
        as_signed.front().value = host;
        Request request = this->request();
        request.headers = as_signed;
        const std::string canonical = canonical_request(request, signed_headers, payload_hash);
        const Sha256 key = signing_key(secret, scope.date, scope.region, scope.service);
        authorization =
            "AWS4-HMAC-SHA256 Credential=AKID/20261122/us-west-2/kinesisvideo/aws4_request, SignedHeaders=" +
            signed_headers +
            ", Signature=" + to_hex(as_text(hmac_sha256(as_text(key), string_to_sign(midnight, scope, canonical))));
        headers.push_back({"authorization", authorization});
    }

    void remove(std::string_view name) {
        std::erase_if(headers, [&](const Field& field) { return field.name == name; });
    }

    // The hash the body must have, or "refused".
    [[nodiscard]] std::string judged(bool http2 = false) const {
        const auto parsed = parse(request());
        EXPECT_TRUE(parsed.has_value());
        const Sha256 key = signing_key(secret, scope.date, scope.region, scope.service);
        const auto verdict =
            verify_upload(request(), *parsed, key, {.now = midnight, .service = "kinesisvideo", .http2 = http2});
        return verdict ? *verdict : "refused";
    }
};

TEST(Sigv4Upload, the_hash_of_nothing_over_the_bare_host) {
    Upload upload;
    upload.sign(nothing, "localhost");
    EXPECT_EQ(upload.judged(), "");
}

TEST(Sigv4Upload, the_host_as_it_was_received) {
    Upload upload;
    upload.sign(nothing, "localhost:4566");
    EXPECT_EQ(upload.judged(), "");
}

TEST(Sigv4Upload, unsigned_payload_with_a_header_that_was_added_after_signing) {
    Upload upload;
    upload.sign("UNSIGNED-PAYLOAD", "localhost:4566");
    upload.headers.push_back({"x-amz-content-sha256", "UNSIGNED-PAYLOAD"});
    upload.headers.push_back({"x-amz-security-token", "unsigned, too"});
    EXPECT_EQ(upload.judged(), "");
}

TEST(Sigv4Upload, the_streaming_text_over_a_plain_body) {
    Upload upload;
    upload.headers.push_back({"x-amz-content-sha256", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"});
    upload.signed_headers = "connection;host;transfer-encoding;x-amz-content-sha256;x-amz-date;x-amzn-stream-name";
    upload.sign("STREAMING-AWS4-HMAC-SHA256-PAYLOAD", "localhost:4566");
    EXPECT_EQ(upload.judged(), "");
}

TEST(Sigv4Upload, a_given_hash_is_what_the_body_must_have) {
    const std::string hash = to_hex(as_text(sha256("media")));
    Upload upload;
    upload.headers.push_back({"x-amz-content-sha256", hash});
    upload.sign(hash, "localhost:4566");
    EXPECT_EQ(upload.judged(), hash);
    // A signed hash that is not sent in x-amz-content-sha256 cannot be known from the head.
    Upload silent;
    silent.sign(hash, "localhost:4566");
    EXPECT_EQ(silent.judged(), "refused");
}

TEST(Sigv4Upload, hop_by_hop_headers_that_http2_removed) {
    Upload upload;
    upload.sign(nothing, "localhost");
    upload.remove("connection");
    upload.remove("transfer-encoding");
    EXPECT_EQ(upload.judged(true), "");
    EXPECT_EQ(upload.judged(false), "refused");
}

TEST(Sigv4Upload, whatever_else_changes_is_refused) {
    for (const std::string_view name : {"x-amz-date", "x-amzn-stream-name", "connection"}) {
        Upload upload;
        upload.sign(nothing, "localhost");
        for (Field& field : upload.headers) {
            if (field.name == name) field.value = "20261122T000001Z";
        }
        EXPECT_EQ(upload.judged(), "refused") << name;
    }
    Upload elsewhere;
    elsewhere.sign(nothing, "example.com");
    EXPECT_EQ(elsewhere.judged(), "refused");
    Upload more;
    more.sign(nothing, "localhost");
    more.headers.push_back({"x-amz-other", "unsigned"});
    EXPECT_EQ(more.judged(), "refused");
}

}  // namespace
}  // namespace riacho::wire::sigv4
