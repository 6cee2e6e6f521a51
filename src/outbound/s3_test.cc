// The S3 client against a scripted server. Against real ones: tests/firehose.
#include "outbound/s3.h"

#include <algorithm>
#include <deque>
#include <future>
#include <map>
#include <mutex>

#include <gtest/gtest.h>
#include "core/clock.h"
#include "core/runtime.h"
#include "core/task.h"
#include "core/work_pool.h"
#include "http/client.h"
#include "http/handler.h"
#include "http/server.h"
#include "outbound/s3_xml.h"
#include "wire/sigv4.h"

namespace riacho::outbound {
namespace {

using ports::MemoryBody;
using ports::StoreFault;
using PutResult = Expected<void, ports::StoreError>;

struct Seen {
    std::string method, target, body;
    std::map<std::string, std::string> headers;
};
struct Answer {
    int status = 200;
    std::string body;
    std::vector<std::pair<std::string, std::string>> headers;
};

// Gives the scripted answers, then 200; records the requests.
class FakeS3 final : public http::Handler {
public:
    Task<http::Response> handle(http::Request& request) override {
        Seen seen{std::string(request.method()), std::string(request.target()), std::string(request.body()), {}};
        for (const http::HeaderField& field : request.headers()) {
            std::string name(field.name);
            std::ranges::transform(name, name.begin(), [](unsigned char c) { return std::tolower(c); });
            seen.headers[name] = field.value;
        }
        http::Response response;
        const std::lock_guard lock(mutex_);
        seen_.push_back(std::move(seen));
        if (!answers_.empty()) {
            response.status = answers_.front().status;
            response.body.append(answers_.front().body);
            for (const auto& [name, value] : answers_.front().headers) response.headers.add(name, value);
            answers_.pop_front();
        }
        co_return response;
    }
    void will_answer(Answer answer) {
        const std::lock_guard lock(mutex_);
        answers_.push_back(std::move(answer));
    }
    std::vector<Seen> take_seen() {
        const std::lock_guard lock(mutex_);
        return std::exchange(seen_, {});
    }

private:
    std::mutex mutex_;
    std::deque<Answer> answers_;
    std::vector<Seen> seen_;
};

std::string error_xml(std::string_view code, std::string_view more = "") {
    return "<?xml version=\"1.0\"?><Error><Code>" + std::string(code) + "</Code><Message>It &lt;says&gt; so</Message>" +
           std::string(more) + "</Error>";
}

class S3StoreTest : public testing::Test {
protected:
    S3StoreTest() {
        ::setenv("AWS_ACCESS_KEY_ID", "AKID", 1);
        ::setenv("AWS_SECRET_ACCESS_KEY", "the secret", 1);
        ::unsetenv("AWS_SESSION_TOKEN");
        runtime_.start();
        http::ServerOptions options;
        options.address = "127.0.0.1";
        options.port = 0;
        server_ = std::make_unique<http::Server>(options, runtime_, clock_, s3_, memory_);
        EXPECT_TRUE(server_->listen());
        client_ = std::make_unique<http::Client>(http::ClientOptions{}, runtime_, clock_);
        S3Options s3;
        s3.endpoint = http::parse_url("http://127.0.0.1:" + std::to_string(server_->port())).value();
        store_ = std::make_unique<S3Store>(s3, *client_, credentials_, clock_);
    }
    ~S3StoreTest() override {
        client_.reset();
        server_->stop(100);
        pool_.stop();
        runtime_.stop();
    }
    PutResult put(std::string key, std::string_view text, ports::PutOptions options = {}) {
        std::promise<PutResult> done;
        core::spawn(runtime_.core(0), [&]() -> Task<void> {
            ports::ObjectName name{.bucket = "bucket", .key = key};
            done.set_value(
                co_await store_->put(runtime_.core(0), std::move(name), std::make_shared<MemoryBody>(text), options));
        });
        return done.get_future().get();
    }
    // Computes the signature from the received request, as a server does.
    static void expect_signed(const Seen& seen) {
        std::vector<wire::sigv4::Field> fields;
        for (const auto& [name, value] : seen.headers) fields.push_back({name, value});
        wire::sigv4::Request request;
        request.method = seen.method;
        request.path = seen.target;
        request.authority = seen.headers.at("host");
        request.headers = fields;
        const auto authorization = wire::sigv4::parse(request);
        ASSERT_TRUE(authorization);
        const auto& scope = authorization->scope;
        EXPECT_EQ(scope.service, "s3");
        const std::string canonical =
            wire::sigv4::canonical_request(request, authorization->signed_headers, to_hex(as_text(sha256(seen.body))),
                                           wire::sigv4::PathRule::as_is_once);
        const Sha256 key = wire::sigv4::signing_key("the secret", scope.date, scope.region, scope.service);
        const std::string to_sign = wire::sigv4::string_to_sign(authorization->signed_at, scope, canonical);
        EXPECT_EQ(authorization->signature, to_hex(as_text(hmac_sha256(as_text(key), to_sign))));
    }

    core::SystemClock clock_;
    core::Runtime runtime_{1};
    core::WorkPool pool_{{.name = "files", .threads_max = 1, .queue_max = 16}};
    core::MemoryBudget memory_{core::MemoryBudget::unlimited()};
    FakeS3 s3_;
    CredentialChain credentials_{pool_, clock_};
    std::unique_ptr<http::Server> server_;
    std::unique_ptr<http::Client> client_;
    std::unique_ptr<S3Store> store_;
};

// Firehose spec 9.5 and 21, item 46.
TEST_F(S3StoreTest, an_object_is_put_in_one_signed_request) {
    ASSERT_TRUE(put("a b/year=2026//\xC3\xA9~+%.gz", "content", {.content_encoding = "gzip", .if_absent = true}));
    ASSERT_TRUE(put("k", "", {.kms_key_id = "arn:aws:kms:us-east-1:123456789012:key/k"}));
    const auto seen = s3_.take_seen();
    ASSERT_EQ(seen.size(), 2U);
    EXPECT_EQ(seen[0].method, "PUT");
    EXPECT_EQ(seen[0].target, "/bucket/a%20b/year%3D2026//%C3%A9~%2B%25.gz");
    EXPECT_EQ(seen[0].body, "content");
    EXPECT_EQ(seen[0].headers.at("content-type"), "application/octet-stream");
    EXPECT_EQ(seen[0].headers.at("content-encoding"), "gzip");
    EXPECT_EQ(seen[0].headers.at("if-none-match"), "*");
    EXPECT_FALSE(seen[0].headers.contains("x-amz-server-side-encryption"));
    EXPECT_EQ(seen[1].headers.at("content-length"), "0");
    EXPECT_EQ(seen[1].headers.at("x-amz-server-side-encryption"), "aws:kms");
    EXPECT_EQ(seen[1].headers.at("x-amz-server-side-encryption-aws-kms-key-id"),
              "arn:aws:kms:us-east-1:123456789012:key/k");
    EXPECT_FALSE(seen[1].headers.contains("content-encoding") || seen[1].headers.contains("if-none-match"));
    for (const Seen& one : seen) expect_signed(one);
}

TEST_F(S3StoreTest, refusals_become_faults_with_the_codes_that_firehose_logs) {
    struct Case {
        Answer answer;
        StoreFault fault;
        std::string code;
    };
    const std::vector<Case> cases{
        {{404, error_xml("NoSuchBucket"), {}}, StoreFault::no_bucket, "S3.NoSuchBucket"},
        {{403, error_xml("AccessDenied"), {}}, StoreFault::denied, "S3.AccessDenied"},
        {{403, error_xml("AllAccessDisabled"), {}}, StoreFault::denied, "S3.AllAccessDisabled"},
        {{400, error_xml("KMS.NotFoundException"), {}}, StoreFault::kms, "S3.KMS.NotFoundException"},
        {{412, error_xml("PreconditionFailed"), {}}, StoreFault::exists, "S3.PreconditionFailed"},
        {{503, error_xml("SlowDown"), {{"retry-after", "7"}}}, StoreFault::slow_down, "S3.SlowDown"},
        {{500, error_xml("InternalError"), {}}, StoreFault::server, "InternalError"},
        {{502, "<html>bad gateway</html>", {}}, StoreFault::server, "InternalError"},
        {{400, error_xml("RequestTimeout"), {}}, StoreFault::timeout, "S3.RequestTimeout"},
        {{405, error_xml("MethodNotAllowed"), {}}, StoreFault::rejected, "S3.MethodNotAllowed"},
    };
    for (const Case& one : cases) {
        s3_.will_answer(one.answer);
        const auto result = put("k", "content");
        ASSERT_FALSE(result) << one.code;
        EXPECT_EQ(ports::name_of(result.error().fault), ports::name_of(one.fault)) << one.code;
        EXPECT_EQ(result.error().code, one.code);
        EXPECT_EQ(s3_.take_seen().size(), 1U) << one.code << ": one attempt is one request";
        if (one.code == "S3.SlowDown") EXPECT_EQ(result.error().retry_after_ms, 7'000);
        if (one.code == "S3.NoSuchBucket") EXPECT_TRUE(result.error().message.contains("It <says> so"));
    }
    server_->stop(0);
    const auto gone = put("k", "content");
    ASSERT_FALSE(gone);
    EXPECT_EQ(gone.error().fault, StoreFault::unreachable);
}

TEST_F(S3StoreTest, what_can_be_put_right_is_tried_once_more) {
    // The region of the bucket, from the body and from the header; it is remembered.
    s3_.will_answer({400, error_xml("AuthorizationHeaderMalformed", "<Region>sa-east-1</Region>"), {}});
    ASSERT_TRUE(put("k", "content"));
    auto seen = s3_.take_seen();
    ASSERT_EQ(seen.size(), 2U);
    EXPECT_TRUE(seen[1].headers.at("authorization").contains("/sa-east-1/s3/"));
    s3_.will_answer({301, "", {{"x-amz-bucket-region", "eu-west-1"}}});
    ASSERT_TRUE(put("k", "content"));
    ASSERT_TRUE(put("k", "content"));
    seen = s3_.take_seen();
    ASSERT_EQ(seen.size(), 3U);
    EXPECT_TRUE(seen[2].headers.at("authorization").contains("/eu-west-1/s3/"));
    // A region that always redirects is not tried for ever, and an invalid name not at all.
    s3_.will_answer({301, "", {{"x-amz-bucket-region", "eu-west-1"}}});
    EXPECT_FALSE(put("k", "content"));
    s3_.will_answer({301, "", {{"x-amz-bucket-region", "evil.example/"}}});
    EXPECT_FALSE(put("k", "content"));
    s3_.take_seen();

    // A server without If-None-Match is not asked for it again.
    s3_.will_answer({501, error_xml("NotImplemented"), {}});
    ASSERT_TRUE(put("k", "content", {.if_absent = true}));
    ASSERT_TRUE(put("k", "content", {.if_absent = true}));
    seen = s3_.take_seen();
    ASSERT_EQ(seen.size(), 3U);
    EXPECT_TRUE(seen[0].headers.contains("if-none-match"));
    EXPECT_FALSE(seen[1].headers.contains("if-none-match") || seen[2].headers.contains("if-none-match"));

    // The keys were changed meanwhile.
    s3_.will_answer({403, error_xml("InvalidAccessKeyId"), {}});
    ::setenv("AWS_ACCESS_KEY_ID", "NEWER", 1);
    ASSERT_TRUE(put("k", "content"));
    seen = s3_.take_seen();
    ASSERT_EQ(seen.size(), 2U);
    EXPECT_TRUE(seen[1].headers.at("authorization").contains("Credential=NEWER/"));
}

TEST(S3Error, texts_are_found_wherever_they_stand) {
    const S3Error error =
        parse_s3_error("<a><b/><Code>X</Code><Resource><Region>r</Region></Resource><Message>a&amp;lt;\n</Message>");
    EXPECT_EQ(error.code, "X");
    EXPECT_EQ(error.region, "r");
    EXPECT_EQ(error.message, "a&lt; ");
    EXPECT_EQ(parse_s3_error("<Code>unclosed").code, "");
    EXPECT_EQ(parse_s3_error("<Code><b>x</b></Code>").code, "");
}

TEST(Profile, sections_and_settings_are_read_as_the_sdks_read_them) {
    const std::string_view text =
        "[default]\naws_access_key_id = A\n# no\naws_secret_access_key=S=\r\n[profile other]\nregion=eu-west-1\n"
        "s3 =\n  aws_session_token = nested\n[profile role]\nrole_arn = arn\n";
    EXPECT_EQ(parse_profile(text, "default", true).keys.access_key, "A");
    EXPECT_EQ(parse_profile(text, "default", true).keys.secret, "S=");
    EXPECT_EQ(parse_profile(text, "other", true).region, "eu-west-1");
    EXPECT_EQ(parse_profile(text, "other", true).keys.session_token, "");
    EXPECT_EQ(parse_profile(text, "role", true).other_source, "role_arn");
    EXPECT_EQ(parse_profile(text, "profile other", false).region, "eu-west-1");
    EXPECT_EQ(parse_profile(text, "none", true).keys.access_key, "");
}

}  // namespace
}  // namespace riacho::outbound
