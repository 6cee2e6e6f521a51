// Who calls: reads the signature of a request, and verifies it when the node asks for that.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "aws/context.h"
#include "aws/error.h"
#include "base/digest.h"
#include "core/fwd.h"
#include "http/fwd.h"

namespace riacho::aws {

// An access key as the authenticator needs it.
struct Credential {
    std::string account;
    std::string secret;
    std::string session_token;  // empty: the key needs none
    std::string user;
    // Differs for every key that ever had this id, so that derived keys can be cached.
    std::uint64_t generation = 0;
};

// Implemented by the node over the catalog. Thread-safe.
class CredentialStore {
public:
    [[nodiscard]] virtual std::optional<Credential> find(std::string_view access_key) const = 0;

protected:
    ~CredentialStore() = default;
};

struct AuthenticatorOptions {
    bool verify = false;  // false: any well-formed credentials do
    std::string account;  // of everyone, when signatures are not verified
    std::string region;   // of callers whose credential scope names none
};

// What a successful authentication found.
struct Authenticated {
    std::string account;
    std::string region;
    std::string user;  // empty when signatures are not verified
    // Uploads: the SHA-256 in hexadecimal that the body must turn out to have; empty if its content was not signed.
    std::string body_sha256;
};

// Constant after construction; thread-safe.
class Authenticator {
public:
    Authenticator(AuthenticatorOptions options, const CredentialStore& credentials, core::Clock& clock, core::Rng& rng);

    // What is expected of a signature, by service.
    struct Expectation {
        std::string_view service;          // the signing name the credential scope must have, e.g. "kinesis"
        std::int64_t window_ms = 300'000;  // how far the signature's time may lie from the clock's
    };

    // A request whose body is complete.
    [[nodiscard]] Result<Authenticated> authenticate(const http::Request& request, const Expectation& expected) const;
    // An upload, of which only the head has arrived: it is judged before the first byte of its body.
    [[nodiscard]] Result<Authenticated> authenticate_head(const http::Request& request,
                                                          const Expectation& expected) const;

private:
    enum class Part : std::uint8_t { whole, head };
    [[nodiscard]] Result<Authenticated> judge(const http::Request& request, const Expectation& expected,
                                              Part part) const;

    AuthenticatorOptions options_;
    const CredentialStore& credentials_;
    core::Clock& clock_;
    Sha256 decoy_key_;  // what unknown access keys are verified against, so that time does not tell them apart
};

}  // namespace riacho::aws
