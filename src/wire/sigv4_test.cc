// AWS: data-streams spec 1.10 and 1.11. The signatures under "Public clients" were made by botocore 1.44.
#include "wire/sigv4.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/try.h"
#include "wire/detail/sigv4_text.h"

namespace riacho::wire::sigv4 {
namespace {

constexpr std::string_view secret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
constexpr std::string_view token = "FQoGZXIvYXdzE//token+with/slash==";
constexpr TimestampMs midnight{1795305600000};  // 2026-11-22T00:00:00Z
constexpr std::string_view mismatch = "The request signature we calculated does not match the signature you provided.";

struct Sent {
    std::string method = "POST";
    std::string path = "/";
    std::string query;
    std::string authority = "localhost:4567";
    std::vector<Field> headers;
    std::string body;

    [[nodiscard]] Request request() const {
        return {.method = method, .path = path, .query = query, .authority = authority, .headers = headers};
    }
    void set(std::string_view name, std::string_view value) {
        for (Field& field : headers) {
            if (field.name == name) field.value = value;
        }
    }
    void remove(std::string_view name) {
        std::erase_if(headers, [&](const Field& field) { return field.name == name; });
    }
};

// [14] of the conformance list (data-streams specification, section 10): the two vectors of its 1.11.
Sent vector_a() {
    return {.headers = {{"Host", "localhost:4567"},
                        {"Content-Type", "application/x-amz-json-1.1"},
                        {"X-Amz-Date", "20261122T000000Z"},
                        {"X-Amz-Target", "Kinesis_20131202.DescribeStreamSummary"},
                        {"Authorization",
                         "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261122/us-east-1/kinesis/aws4_request, "
                         "SignedHeaders=content-type;host;x-amz-date;x-amz-target, "
                         "Signature=f9a1ced98b670ee4dc9b4d6b176e2f3cecd80747eaf59c5b564dedaf7ec19771"}},
            .body = R"({"StreamName":"a"})"};
}

Sent vector_b() {
    Sent sent = vector_a();
    sent.remove("Host");
    sent.set("Authorization",
             "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261122/us-east-1/kinesis/aws4_request, "
             "SignedHeaders=:authority;content-type;x-amz-date;x-amz-target, "
             "Signature=353c0cb6c687b11dfad36533093b646f56346127a5278f0f94388682fd7987b6");
    return sent;
}

Expected<void, Fault> verified(const Sent& sent, TimestampMs now = midnight, bool secure = false,
                               std::string_view region = {}) {
    const Request request = sent.request();
    TRY(const Authorization authorization, parse(request));
    const Scope& scope = authorization.scope;
    return verify(request, authorization, signing_key(secret, scope.date, scope.region, scope.service),
                  {.now = now, .region = region, .body = sent.body, .secure = secure});
}

std::string fault(const Sent& sent, TimestampMs now = midnight, bool secure = false, std::string_view region = {}) {
    const auto result = verified(sent, now, secure, region);
    return result ? "accepted" : result.error().text;
}

TEST(Sigv4, vector_a_step_by_step) {
    const Sent sent = vector_a();
    const std::string canonical = canonical_request(sent.request(), "content-type;host;x-amz-date;x-amz-target",
                                                    "e62761e3b171e96fd92a50aa010d0cd527cef260c5c7d1760f9b9135e07b215f");
    EXPECT_EQ(canonical,
              "POST\n/\n\ncontent-type:application/x-amz-json-1.1\nhost:localhost:4567\nx-amz-date:20261122T000000Z\n"
              "x-amz-target:Kinesis_20131202.DescribeStreamSummary\n\ncontent-type;host;x-amz-date;x-amz-target\n"
              "e62761e3b171e96fd92a50aa010d0cd527cef260c5c7d1760f9b9135e07b215f");
    const Scope scope{"20261122", "us-east-1", "kinesis", "aws4_request"};
    const std::string to_sign = string_to_sign(midnight, scope, canonical);
    EXPECT_EQ(to_sign,
              "AWS4-HMAC-SHA256\n20261122T000000Z\n20261122/us-east-1/kinesis/aws4_request\n"
              "5c7ca91a598c6fd8a93023c58508dd270d3681de0794b5580038e5010bbcb289");
    EXPECT_EQ(fault(sent), "accepted");
}

TEST(Sigv4, vector_b_signs_the_authority_pseudo_header) {
    EXPECT_EQ(fault(vector_b()), "accepted");
    Sent elsewhere = vector_b();
    elsewhere.authority = "localhost:4568";
    EXPECT_EQ(fault(elsewhere).substr(0, mismatch.size()), mismatch);
}

TEST(Sigv4, every_signed_part_matters) {
    const auto refused = [](auto change) {
        Sent sent = vector_a();
        change(sent);
        return fault(sent).starts_with(mismatch);
    };
    EXPECT_TRUE(refused([](Sent& s) { s.method = "PUT"; }));
    EXPECT_TRUE(refused([](Sent& s) { s.path = "/x"; }));
    EXPECT_TRUE(refused([](Sent& s) { s.query = "a=b"; }));
    EXPECT_TRUE(refused([](Sent& s) { s.body += " "; }));
    EXPECT_TRUE(refused([](Sent& s) { s.set("Host", "localhost"); }));
    EXPECT_TRUE(refused([](Sent& s) { s.set("Content-Type", "application/x-amz-cbor-1.1"); }));
    EXPECT_TRUE(refused([](Sent& s) { s.set("X-Amz-Target", "Kinesis_20131202.DeleteStream"); }));
    EXPECT_TRUE(refused([](Sent& s) { s.set("X-Amz-Date", "20261122T000001Z"); }));
    EXPECT_TRUE(refused([](Sent& s) { s.remove("Content-Type"); }));
}

TEST(Sigv4, every_digit_of_the_signature_matters) {
    const std::string original(vector_a().headers.back().value);
    const std::size_t start = original.rfind('=') + 1;
    for (std::size_t at = start; at < original.size(); ++at) {
        std::string changed = original;
        changed[at] = changed[at] == '0' ? '1' : '0';
        Sent sent = vector_a();
        sent.set("Authorization", changed);
        EXPECT_TRUE(fault(sent).starts_with(mismatch)) << at;
    }
    for (const std::string& odd : {original + "0", original + "00", original.substr(0, start) + "xyz"}) {
        Sent sent = vector_a();
        sent.set("Authorization", odd);
        EXPECT_TRUE(fault(sent).starts_with(mismatch)) << odd;
    }
}

TEST(Sigv4, another_secret_makes_another_signature) {
    const Sent sent = vector_a();
    const auto authorization = parse(sent.request());
    ASSERT_TRUE(authorization.has_value());
    EXPECT_FALSE(verify(sent.request(), *authorization, signing_key("other", "20261122", "us-east-1", "kinesis"),
                        {.now = midnight, .body = sent.body}));
}

TEST(Sigv4, the_clock_may_differ_by_five_minutes_exactly) {
    const std::int64_t five = 300'000;
    EXPECT_EQ(fault(vector_a(), TimestampMs(midnight.value() + five)), "accepted");
    EXPECT_EQ(fault(vector_a(), TimestampMs(midnight.value() - five)), "accepted");
    EXPECT_EQ(fault(vector_a(), TimestampMs(midnight.value() + 3 * five)),
              "Signature expired: 20261122T000000Z is now earlier than 20261122T001000Z (20261122T001500Z - 5 min.)");
    EXPECT_EQ(fault(vector_a(), TimestampMs(midnight.value() - 3 * five)),
              "Signature not yet current: 20261122T000000Z is still later than 20261121T235000Z (20261121T234500Z + 5 "
              "min.)");
    EXPECT_TRUE(fault(vector_a(), TimestampMs(midnight.value() + five + 1)).starts_with("Signature expired"));
    EXPECT_TRUE(fault(vector_a(), TimestampMs(midnight.value() - five - 1)).starts_with("Signature not yet current"));
}

// ---- Public clients -------------------------------------------------------------------------------------------------

Sent plain_list_streams() {
    return {.authority = "localhost:4566",
            .headers = {{"X-Amz-Target", "Kinesis_20131202.ListStreams"},
                        {"Content-Type", "application/x-amz-json-1.1"},
                        {"User-Agent", "x"},
                        {"X-Amz-Date", "20261122T000000Z"},
                        {"Authorization",
                         "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261122/us-east-1/kinesis/aws4_request, "
                         "SignedHeaders=content-type;host;x-amz-date;x-amz-target, "
                         "Signature=2607e10a2a4c6759dbd3f1c2d6f60a13755a0ed8118382aaa993e75174c96161"}},
            .body = "{}"};
}

TEST(Sigv4Clients, botocore_header) { EXPECT_EQ(fault(plain_list_streams()), "accepted"); }

TEST(Sigv4Clients, botocore_session_token) {
    Sent sent{.authority = "kinesis.sa-east-1.amazonaws.com",
              .headers = {{"X-Amz-Target", "Kinesis_20131202.PutRecord"},
                          {"Content-Type", "application/x-amz-json-1.1"},
                          {"X-Amz-Date", "20261122T000000Z"},
                          {"X-Amz-Security-Token", token},
                          {"Authorization",
                           "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261122/sa-east-1/kinesis/aws4_request, "
                           "SignedHeaders=content-type;host;x-amz-date;x-amz-security-token;x-amz-target, "
                           "Signature=f706d9d2633a3d7661ae12094bacdc26a9993714cee5b4fd85f0625f06873c97"}},
              .body = R"({"StreamName":"a","Data":"aGk=","PartitionKey":"k"})"};
    EXPECT_EQ(fault(sent), "accepted");
    EXPECT_EQ(parse(sent.request())->session_token, token);
    EXPECT_EQ(fault(sent, midnight, false, "sa-east-1"), "accepted");
    EXPECT_EQ(fault(sent, midnight, false, "us-east-1"), "Credential should be scoped to a valid region. ");
}

TEST(Sigv4Clients, botocore_runs_of_spaces) {
    const Sent sent{.authority = "localhost:4566",
                    .headers = {{"X-Amz-Target", "Kinesis_20131202.ListStreams"},
                                {"Content-Type", "application/x-amz-json-1.1"},
                                {"X-Amz-Meta", "  a   b  \"c   d\" "},
                                {"X-Amz-Date", "20261122T000000Z"},
                                {"Authorization",
                                 "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261122/us-east-1/kinesis/aws4_request, "
                                 "SignedHeaders=content-type;host;x-amz-date;x-amz-meta;x-amz-target, "
                                 "Signature=3ce03df17d90d108a322dd7c4f88c62b716b361ee9463d433423738016604832"}},
                    .body = "{}"};
    EXPECT_EQ(fault(sent), "accepted");
}

TEST(Sigv4Clients, botocore_paths_are_normalised_and_queries_sorted) {
    const Sent sent{.path = "/a%20b/%2F/./c/../arn%3Aaws/",
                    .query = "b=2&a=%20x&a=%2B&c",
                    .authority = "localhost:4566",
                    .headers = {{"Content-Type", "application/json"},
                                {"X-Amz-Date", "20261122T000000Z"},
                                {"Authorization",
                                 "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261122/us-east-1/kinesis/aws4_request, "
                                 "SignedHeaders=content-type;host;x-amz-date, "
                                 "Signature=17d93f75804bed08e51e4c683c155f7f264a4180a6feeac04a3f6d4154928a84"}}};
    EXPECT_EQ(fault(sent), "accepted");
}

TEST(Sigv4Clients, botocore_empty_request) {
    const Sent sent{.method = "GET",
                    .authority = "localhost:4566",
                    .headers = {{"X-Amz-Date", "20261122T000000Z"},
                                {"Authorization",
                                 "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261122/us-east-1/kinesis/aws4_request, "
                                 "SignedHeaders=host;x-amz-date, "
                                 "Signature=3d9a949da93952a4603996a5a29a187dec95a515dfb82fc4fcfc00621edf17e6"}}};
    EXPECT_EQ(fault(sent), "accepted");
}

Sent presigned() {
    return {.query =
                "Action=x%20y&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIDEXAMPLE%2F20261122%2Fus-east-1%"
                "2Fkinesis%2Faws4_request&X-Amz-Date=20261122T000000Z&X-Amz-Expires=600&X-Amz-SignedHeaders=host&X-"
                "Amz-Security-Token=FQoGZXIvYXdzE%2F%2Ftoken%2Bwith%2Fslash%3D%3D&X-Amz-Signature="
                "7ebf8c7a050f870f5fdfa64dbafe3630f03e162318ccbb07f378554e9feb71a8",
            .authority = "localhost:4566"};
}

TEST(Sigv4Clients, botocore_presigned_with_a_token) {
    const Sent sent = presigned();
    EXPECT_EQ(fault(sent), "accepted");
    const auto authorization = parse(sent.request());
    EXPECT_TRUE(authorization->presigned);
    EXPECT_EQ(authorization->session_token, token);
    EXPECT_EQ(authorization->expires_s, 600);
}

TEST(Sigv4Clients, a_presigned_request_lives_as_long_as_it_says) {
    EXPECT_EQ(fault(presigned(), TimestampMs(midnight.value() + 600'000)), "accepted");
    EXPECT_EQ(fault(presigned(), TimestampMs(midnight.value() + 601'000)),
              "Signature expired: 20261122T000000Z is now earlier than 20261122T000001Z (20261122T001001Z - 10 min.)");
    EXPECT_TRUE(fault(presigned(), TimestampMs(midnight.value() - 301'000)).starts_with("Signature not yet current"));
}

// ---- Texts ----------------------------------------------------------------------------------------------------------

TEST(Sigv4Texts, no_authorization_at_all) {
    Sent sent = vector_a();
    sent.remove("Authorization");
    for (const char* query : {"", "X-Amz-Credential=a&X-Amz-Signature=b"}) {
        sent.query = query;
        const auto result = parse(sent.request());
        ASSERT_FALSE(result.has_value());
        EXPECT_EQ(result.error(), (Fault{FaultKind::missing_token, "Missing Authentication Token"}));
    }
}

TEST(Sigv4Texts, both_kinds_at_once) {
    Sent sent = vector_a();
    sent.query = "X-Amz-Algorithm";
    const auto result = parse(sent.request());
    EXPECT_EQ(result.error(),
              (Fault{FaultKind::invalid_signature,
                     "Found both 'X-Amz-Algorithm' as a query-string param and 'Authorization' as HTTP header."}));
}

std::string parse_fault(const Sent& sent) {
    const auto result = parse(sent.request());
    if (result) return "accepted";
    EXPECT_EQ(result.error().kind, FaultKind::incomplete_signature);
    return result.error().text;
}

TEST(Sigv4Texts, missing_parts_of_the_header_are_listed_in_order) {
    const Sent nothing{.headers = {{"authorization", "foo"}}};
    EXPECT_EQ(
        parse_fault(nothing),
        "Authorization header requires 'Credential' parameter. Authorization header requires 'Signature' parameter. "
        "Authorization header requires 'SignedHeaders' parameter. Authorization header requires existence of either "
        "a 'X-Amz-Date' or a 'Date' header. Authorization=foo");
    const Sent some{.headers = {{"authorization", "AWS4-HMAC-SHA256 Credential=a,SignedHeaders=b"},
                                {"date", "Sun, 22 Nov 2026 00:00:00 GMT"}}};
    EXPECT_EQ(parse_fault(some),
              "Authorization header requires 'Signature' parameter. Authorization=AWS4-HMAC-SHA256 "
              "Credential=a,SignedHeaders=b");
}

TEST(Sigv4Texts, missing_parts_of_the_query_are_listed_in_order) {
    EXPECT_EQ(
        parse_fault({.query = "X-Amz-Algorithm"}),
        "AWS query-string parameters must include 'X-Amz-Algorithm'. AWS query-string parameters must include "
        "'X-Amz-Credential'. AWS query-string parameters must include 'X-Amz-Signature'. AWS query-string parameters "
        "must include 'X-Amz-SignedHeaders'. AWS query-string parameters must include 'X-Amz-Date'. Re-examine the "
        "query-string parameters.");
    EXPECT_EQ(parse_fault({.query = "X-Amz-Algorithm=x&X-Amz-Credential=&X-Amz-Signature=b&X-Amz-SignedHeaders=c"}),
              "AWS query-string parameters must include 'X-Amz-Credential'. AWS query-string parameters must include "
              "'X-Amz-Date'. Re-examine the query-string parameters.");
}

Sent with(std::string_view name, std::string_view value) {
    Sent sent = vector_a();
    sent.set(name, value);
    return sent;
}

TEST(Sigv4Texts, parts_that_are_there_but_wrong) {
    EXPECT_EQ(
        parse_fault(with("Authorization", "AWS4-HMAC-SHA256 Credential=a/b/c, SignedHeaders=host, Signature=0")),
        "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got 'a/b/c'");
    EXPECT_EQ(parse_fault(with("Authorization",
                               "AWS4-ECDSA-P256-SHA256 Credential=a/b/c/d/e, SignedHeaders=host, "
                               "Signature=0")),
              "Unsupported AWS 'algorithm': 'AWS4-ECDSA-P256-SHA256'.");
    for (const char* date :
         {"20261122", "2026-11-22T00:00:00Z", "20261322T000000Z", "20261122T000000Z ", "20260230T000000Z"}) {
        EXPECT_EQ(parse_fault(with("X-Amz-Date", date)), std::string("Date must be in ISO-8601 'basic format'. Got '") +
                                                             date + "'. See http://en.wikipedia.org/wiki/ISO_8601");
    }
    Sent sent = presigned();
    sent.query += "&X-Amz-Date=20261122T000000Z";
    EXPECT_EQ(parse_fault(sent), "AWS query-string parameters must not be repeated.");
}

TEST(Sigv4Texts, scopes_that_do_not_fit) {
    const auto scoped = [](std::string_view scope) {
        static std::string header;
        header = "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/" + std::string(scope) +
                 ", SignedHeaders=content-type;host;x-amz-date;x-amz-target, Signature=00";
        return fault(with("Authorization", header));
    };
    EXPECT_EQ(scoped("20261122/us-east-1/sqs/aws4_request"),
              "Credential should be scoped to correct service: 'kinesis'. ");
    EXPECT_EQ(scoped("20261122/us-east-1/kinesis/aws3_request"),
              "Credential should be scoped with a valid terminator: 'aws4_request', not 'aws3_request'. ");
    EXPECT_EQ(scoped("20261121/us-east-1/kinesis/aws4_request"),
              "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '20261121' != "
              "'20261122', from '20261122T000000Z'.");
}

// The region ends up in ARNs, where a colon would shift the account field.
TEST(Sigv4Texts, a_region_is_a_plain_word) {
    const auto with_region = [](std::string_view region) {
        Sent sent = vector_a();
        static std::string authorization;
        authorization = "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261122/" + std::string(region) +
                        "/kinesis/aws4_request, SignedHeaders=host, Signature=00";
        sent.set("Authorization", authorization);
        const auto parsed = parse(sent.request());
        return parsed ? "accepted" : parsed.error().text;
    };
    const std::string longest(64, 'r');
    for (const std::string& good :
         {std::string("us-east-1"), std::string("local_1"), std::string("US"), std::string(), longest}) {
        EXPECT_EQ(with_region(good), "accepted") << good;
    }
    for (const std::string& bad :
         {std::string("us-east-1:111111111111"), std::string("\"r\""), std::string("r\xC3\xA9"), longest + "r"}) {
        EXPECT_EQ(with_region(bad), "Credential should be scoped to a valid region. ") << bad;
    }
}

TEST(Sigv4Texts, the_host_and_every_amz_header_must_be_signed) {
    EXPECT_EQ(fault(with("Authorization",
                         "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261122/us-east-1/kinesis/aws4_request, "
                         "SignedHeaders=x-amz-date;x-amz-target, Signature=00")),
              "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.");
    Sent sent = vector_a();
    sent.headers.push_back({"X-Amz-Extra", "1"});
    EXPECT_EQ(fault(sent), "There were headers present in the request which were not signed: x-amz-extra");
}

TEST(Sigv4Texts, client_text_in_messages_is_cut_and_printable) {
    const std::string long_text = "A\x01\xC3" + std::string(5000, 'x');
    const std::string text = parse_fault({.headers = {{"authorization", long_text}, {"date", "x"}}});
    EXPECT_EQ(text.substr(text.find("Authorization=")), "Authorization=A??" + std::string(1021, 'x'));
}

// ---- Payloads -------------------------------------------------------------------------------------------------------

TEST(Sigv4Payload, a_told_hash_must_be_the_hash_of_the_body) {
    Sent sent{.authority = "h", .headers = {}, .body = "body"};
    std::string hash = to_hex(as_text(sha256("body")));
    sent.headers = {{"x-amz-content-sha256", hash}};
    const SignedFields fields =
        sign(sent.request(), {"AK", secret}, {.now = midnight, .region = "r", .body = sent.body});
    for (const auto& [name, value] : fields.fields) sent.headers.push_back({name, value});
    EXPECT_EQ(fault(sent), "accepted");
    sent.body = "other";
    EXPECT_TRUE(fault(sent).starts_with(mismatch));
}

TEST(Sigv4Payload, unsigned_payload_needs_tls_and_streaming_is_refused) {
    for (const std::string_view told : {"UNSIGNED-PAYLOAD", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"}) {
        Sent sent{.authority = "h", .headers = {{"x-amz-content-sha256", told}}, .body = "body"};
        const SignedFields fields = sign(sent.request(), {"AK", secret}, {.now = midnight, .region = "r"});
        for (const auto& [name, value] : fields.fields) sent.headers.push_back({name, value});
        EXPECT_EQ(fault(sent, midnight, true) == "accepted", told == "UNSIGNED-PAYLOAD");
        EXPECT_TRUE(fault(sent, midnight, false).starts_with(mismatch));
    }
}

// ---- Our own signer -------------------------------------------------------------------------------------------------

TEST(Sigv4Signer, makes_what_botocore_makes) {
    Sent sent = plain_list_streams();
    const std::string expected(sent.headers.back().value);
    sent.remove("Authorization");
    sent.remove("X-Amz-Date");
    const SignedFields fields =
        sign(sent.request(), {"AKIDEXAMPLE", secret}, {.now = midnight, .region = "us-east-1", .body = sent.body});
    EXPECT_EQ(fields.fields.back().second, expected);
}

TEST(Sigv4Signer, makes_the_javascript_form) {
    Sent sent = vector_b();
    const std::string expected(sent.headers.back().value);
    sent.remove("Authorization");
    sent.remove("X-Amz-Date");
    const SignedFields fields =
        sign(sent.request(), {"AKIDEXAMPLE", secret},
             {.now = midnight, .region = "us-east-1", .body = sent.body, .authority_name = ":authority"});
    EXPECT_EQ(fields.fields.back().second, expected);
}

TEST(Sigv4Signer, presigns_like_botocore) {
    Sent sent{.method = "GET", .authority = "localhost:4566"};
    sent.query = presign(sent.request(), {"AKIDEXAMPLE", secret}, {.now = midnight, .region = "us-east-1"}, 60);
    EXPECT_EQ(sent.query,
              "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIDEXAMPLE%2F20261122%2Fus-east-1%2Fkinesis%"
              "2Faws4_request&X-Amz-Date=20261122T000000Z&X-Amz-Expires=60&X-Amz-SignedHeaders=host&X-Amz-Signature="
              "01a4d54f5ed68c0cce7a899a02448b6c5c175b3900e6618317d863659dd715b7");
    EXPECT_EQ(fault(sent), "accepted");
}

// The signatures are from "Authenticating Requests: Using the Authorization Header" in the S3 API reference.
struct S3Example {
    std::string_view method;
    std::string_view path;
    std::string_view query;
    std::vector<Field> headers;
    std::string_view payload;
    std::string_view signature;
};

TEST(Sigv4Signer, makes_the_signatures_that_aws_publishes_for_s3) {
    const std::vector<S3Example> examples = {
        {"GET",
         "/test.txt",
         "",
         {{"range", "bytes=0-9"}},
         "",
         "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"},
        {"PUT",
         "/test%24file.text",
         "",
         {{"date", "Fri, 24 May 2013 00:00:00 GMT"}, {"x-amz-storage-class", "REDUCED_REDUNDANCY"}},
         "Welcome to Amazon S3.",
         "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"},
        {"GET", "/", "lifecycle", {}, "", "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"},
        {"GET", "/", "max-keys=2&prefix=J", {}, "", "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"},
    };
    for (const S3Example& example : examples) {
        const Request request{.method = example.method,
                              .path = example.path,
                              .query = example.query,
                              .authority = "examplebucket.s3.amazonaws.com",
                              .headers = example.headers};
        const std::string hash = to_hex(as_text(sha256(example.payload)));
        SignOptions options;
        options.now = TimestampMs(1'369'353'600'000);  // 2013-05-24T00:00:00Z
        options.region = "us-east-1";
        options.service = "s3";
        options.path_rule = PathRule::as_is_once;
        options.payload_hash = hash;
        const SignedFields made =
            sign(request, {"AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"}, options);
        EXPECT_TRUE(made.fields.back().second.ends_with(example.signature)) << made.fields.back().second;
        EXPECT_EQ(made.fields[1], std::pair(std::string("x-amz-content-sha256"), hash));
    }
}

// From "Signature Version 4 test suite": get-vanilla, get-vanilla-query-order-key-case, post-vanilla, and the
// normalised path get-slash-dot-slash.
TEST(Sigv4Signer, makes_the_signatures_of_the_test_suite) {
    struct Case {
        std::string_view method, path, query, signature;
    };
    const Case cases[] = {
        {"GET", "/", "", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
        {"GET", "/", "Param2=value2&Param1=value1", "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"},
        {"POST", "/", "", "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"},
        {"GET", "/./", "", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
    };
    for (const Case& example : cases) {
        const Request request{.method = example.method,
                              .path = example.path,
                              .query = example.query,
                              .authority = "example.amazonaws.com",
                              .headers = {}};
        SignOptions options;
        options.now = TimestampMs(1'440'938'160'000);  // 2015-08-30T12:36:00Z
        options.region = "us-east-1";
        options.service = "service";
        const SignedFields made = sign(request, {"AKIDEXAMPLE", secret}, options);
        EXPECT_TRUE(made.fields.back().second.ends_with(example.signature))
            << example.method << " " << example.path << ": " << made.fields.back().second;
    }
}

TEST(Sigv4Signer, an_unsigned_payload_is_not_looked_at) {
    const Request request{.method = "PUT", .path = "/a//b/../c d", .query = {}, .authority = "s3", .headers = {}};
    SignOptions options;
    options.now = midnight;
    options.region = "us-east-1";
    options.service = "s3";
    options.path_rule = PathRule::as_is_once;
    options.payload_hash = unsigned_payload;
    options.body = "one";
    const SignedFields one = sign(request, {"AKIDEXAMPLE", secret}, options);
    options.body = "two";
    EXPECT_EQ(one.fields, sign(request, {"AKIDEXAMPLE", secret}, options).fields);
    EXPECT_TRUE(canonical_request(request, "host", unsigned_payload, PathRule::as_is_once)
                    .starts_with("PUT\n/a//b/../c%20d\n"));
}

// The C producer SDK signs both headers; over HTTP/2 libcurl does not send them.
TEST(Sigv4, hop_by_hop_headers_that_http2_removed_are_put_back) {
    Sent sent = vector_a();
    sent.headers.insert(sent.headers.begin(), {{"Connection", "keep-alive"}, {"Transfer-Encoding", "chunked"}});
    const std::string_view names = "connection;content-type;host;transfer-encoding;x-amz-date;x-amz-target";
    const std::string canonical = canonical_request(sent.request(), names, to_hex(as_text(sha256(sent.body))));
    const Scope scope{"20261122", "us-east-1", "kinesis", "aws4_request"};
    const Sha256 key = signing_key(secret, scope.date, scope.region, scope.service);
    const std::string signature =
        to_hex(as_text(hmac_sha256(as_text(key), string_to_sign(midnight, scope, canonical))));
    const std::string authorization =
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261122/us-east-1/kinesis/aws4_request, SignedHeaders=" +
        std::string(names) + ", Signature=" + signature;
    sent.set("Authorization", authorization);
    const auto accepted = [&](bool http2) {
        const Request request = sent.request();
        const auto parsed = parse(request);
        return verify(request, *parsed, key, {.now = midnight, .body = sent.body, .http2 = http2}).has_value();
    };
    EXPECT_TRUE(accepted(true));
    EXPECT_TRUE(accepted(false));
    sent.remove("Connection");
    EXPECT_TRUE(accepted(true));
    sent.remove("Transfer-Encoding");
    EXPECT_TRUE(accepted(true));
    EXPECT_FALSE(accepted(false));
    sent.remove("X-Amz-Target");
    EXPECT_FALSE(accepted(true));
}

TEST(Sigv4Dates, both_forms) {
    EXPECT_EQ(detail::parse_iso_basic("20261122T000000Z"), midnight);
    EXPECT_EQ(detail::parse_http_date("Sun, 22 Nov 2026 00:00:00 GMT"), midnight);
    EXPECT_EQ(detail::iso_basic(midnight), "20261122T000000Z");
    EXPECT_EQ(detail::iso_basic(TimestampMs(-1)), "19691231T235959Z");
    EXPECT_EQ(detail::parse_http_date("Sun, 22 Foo 2026 00:00:00 GMT"), std::nullopt);
    Sent sent = vector_a();
    sent.remove("X-Amz-Date");
    sent.headers.push_back({"Date", "Sun, 22 Nov 2026 00:00:00 GMT"});
    EXPECT_EQ(parse(sent.request())->signed_at, midnight);
}

TEST(Sigv4Dates, iso_8601) {
    const TimestampMs at = *detail::parse_http_date("Sun, 22 Nov 2026 01:02:03 GMT");
    EXPECT_EQ(detail::parse_iso_date("2026-11-22T01:02:03Z"), at);
    EXPECT_EQ(detail::parse_iso_date("2026-11-22T01:02:03.250Z"), at.plus(250));
    EXPECT_EQ(detail::parse_iso_date("2026-11-22T01:02:03.5Z"), at.plus(500));
    EXPECT_EQ(detail::parse_iso_date("2026-11-22T01:02:03.123456789Z"), at.plus(123));
    for (const char* wrong :
         {"", "Z", "2026-11-22T01:02:03", "2026-11-22 01:02:03Z", "2026-13-22T01:02:03Z", "2026-11-22T01:02:03.Z",
          "2026-11-22T01:02:03.1234567890Z", "2026-11-22T01:02:03.1x3Z", "2026-11-22T01:02:03,123Z"}) {
        EXPECT_EQ(detail::parse_iso_date(wrong), std::nullopt) << wrong;
    }
}

}  // namespace
}  // namespace riacho::wire::sigv4
