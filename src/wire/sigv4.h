// AWS Signature Version 4: reading, verifying and making signatures. Pure: time and keys are arguments.
// AWS: spec 1.10 (texts) and 1.11 (procedure).
//
//   TRY(auto authorization, sigv4::parse(request));                         // every request, also with --auth=off
//   const auto key = sigv4::signing_key(secret, authorization.scope.date, ...);     // worth caching
//   TRY_VOID(sigv4::verify(request, authorization, key, {...}));
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/digest.h"
#include "base/result.h"
#include "base/time.h"

namespace riacho::wire::sigv4 {

struct Field {
    std::string_view name;  // in any letter case
    std::string_view value;
};

// The signed parts of an HTTP request, as received.
struct Request {
    std::string_view method;
    std::string_view path;       // still percent-encoded
    std::string_view query;      // without '?'
    std::string_view authority;  // Host or :authority
    std::span<const Field> headers;
};

enum class FaultKind : std::uint8_t {
    missing_token,         // MissingAuthenticationTokenException
    incomplete_signature,  // IncompleteSignatureException
    invalid_signature      // InvalidSignatureException
};
struct Fault {
    FaultKind kind;
    std::string text;

    friend bool operator==(const Fault&, const Fault&) = default;
};

// date/region/service/aws4_request
struct Scope {
    std::string_view date;
    std::string_view region;
    std::string_view service;
    std::string_view terminator;
};

// The authorization of a request: its signer, scope and signature. Views into the request, or into `decoded` where the
// query had them percent-encoded, which is why Authorization can be moved but not copied.
struct Authorization {
    Authorization() = default;
    Authorization(Authorization&&) = default;
    Authorization& operator=(Authorization&&) = default;
    Authorization(const Authorization&) = delete;

    std::string_view access_key;
    Scope scope;
    std::string_view signed_headers;  // "host;x-amz-date"
    std::string_view signature;       // hexadecimal
    std::string_view session_token;   // empty if absent
    TimestampMs signed_at{};          // X-Amz-Date, or else Date
    bool presigned = false;
    std::int64_t expires_s = 0;  // presigned only; 0: absent

    std::vector<std::string> decoded;
};

// Form of the path in the canonical request.
enum class PathRule : std::uint8_t {
    normalised_twice,  // every service but S3: dots and empty segments removed, each segment percent-encoded once more
    as_is_once         // S3: percent-encoded once, nothing removed, since keys may hold "//" and "/../"
};

constexpr std::string_view unsigned_payload = "UNSIGNED-PAYLOAD";

// Finds and parses the authorization. Every check that needs no key, clock or region of the server is made here, so
// that success means well-formed credentials.
Expected<Authorization, Fault> parse(const Request& request);

struct VerifyOptions {
    TimestampMs now{};
    std::int64_t window_ms = 300'000;  // AWS: 5 minutes each side for Kinesis
    std::string_view service = "kinesis";
    std::string_view region = {};  // empty: any
    std::string_view body = {};
    // UNSIGNED-PAYLOAD is accepted over TLS only.
    bool secure = false;
    // The request came over HTTP/2, which forbids `connection` and `transfer-encoding`. A client that signed them as
    // for HTTP/1.1 (the C producer SDK for Kinesis Video when libcurl chose h2) sends a signature over headers that it
    // does not transmit. Where they are signed and absent, "keep-alive" and "chunked" are used as their values.
    bool http2 = false;
};

// Checks scope, time, payload hash and signature, in that order. The signature is compared in constant time; for an
// unknown access key call this with a key made from a random secret and ignore the result, so that the response time
// does not reveal which keys exist.
Expected<void, Fault> verify(const Request& request, const Authorization& authorization, const Sha256& key,
                             const VerifyOptions& options);

// As verify(), from the head alone, for a body that is consumed while it arrives: `body` of the options is ignored.
// Clients of such uploads sign one of several payload texts (AWS: video spec 1.5): the hash of the empty body,
// UNSIGNED-PAYLOAD, STREAMING-AWS4-HMAC-SHA256-PAYLOAD over a plain body, or the hash in x-amz-content-sha256. They may
// sign the host without its port, and leave x-amz-content-sha256 and x-amz-security-token unsigned. Returns the
// SHA-256, in hexadecimal, that the body must have; empty if the body's content was not signed.
Expected<std::string, Fault> verify_upload(const Request& request, const Authorization& authorization,
                                           const Sha256& key, const VerifyOptions& options);

Sha256 signing_key(std::string_view secret, std::string_view date, std::string_view region, std::string_view service);

// Intermediate texts, for tests and diagnostics. payload_hash is 64 hexadecimal digits or UNSIGNED-PAYLOAD.
std::string canonical_request(const Request& request, std::string_view signed_headers, std::string_view payload_hash,
                              PathRule path_rule = PathRule::normalised_twice);
std::string string_to_sign(TimestampMs signed_at, const Scope& scope, std::string_view canonical);

struct Credentials {
    std::string_view access_key;
    std::string_view secret;
    std::string_view session_token = {};
};
struct SignOptions {
    TimestampMs now{};
    std::string_view region;
    std::string_view service = "kinesis";
    std::string_view body = {};
    // The JavaScript SDK signs ":authority" over HTTP/2.
    std::string_view authority_name = "host";
    PathRule path_rule = PathRule::normalised_twice;
    // If set, the hash of the body in hexadecimal, or UNSIGNED-PAYLOAD: `body` is ignored, and the hash is sent as
    // x-amz-content-sha256, which S3 requires of every request. A header of that name in the request has the same
    // effect.
    std::string_view payload_hash = {};
};

// Header fields to add to a request so that it is signed: x-amz-date, x-amz-content-sha256 and x-amz-security-token if
// there are any, and authorization. Host (or :authority) and every header of the request are signed.
struct SignedFields {
    std::vector<std::pair<std::string, std::string>> fields;
};
SignedFields sign(const Request& request, const Credentials& credentials, const SignOptions& options);

// The query string of a presigned form of the request, including X-Amz-Signature; only host is signed.
std::string presign(const Request& request, const Credentials& credentials, const SignOptions& options,
                    std::int64_t expires_s);

}  // namespace riacho::wire::sigv4
