// Authenticator: identifies the caller by the request's signature, and verifies the signature if the node is configured
// to.
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

// An access key with the data that verification needs.
struct Credential {
    std::string account;
    std::string secret;
    std::string session_token;  // empty: the key has none
    std::string user;
    // Differs between all keys that ever had this id, so that derived keys can be cached.
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
    bool verify = false;  // false: any well-formed credentials are accepted
    std::string account;  // the account of every caller when signatures are not verified
    std::string region;   // the region of callers whose credential scope has none
};

// The result of a successful authentication.
struct Authenticated {
    std::string account;
    std::string region;
    std::string user;  // empty when signatures are not verified
    // Uploads: the SHA-256, in hexadecimal, that the body must have; empty if its content was not signed.
    std::string body_sha256;
};

// Constant after construction; thread-safe.
class Authenticator {
public:
    Authenticator(AuthenticatorOptions options, const CredentialStore& credentials, core::Clock& clock, core::Rng& rng);

    // The requirements on a signature, by service.
    struct Expectation {
        std::string_view service;          // the signing name the credential scope must have, e.g. "kinesis"
        std::int64_t window_ms = 300'000;  // maximum difference between the signature's time and the clock
    };

    // Authenticates a request whose body is complete.
    [[nodiscard]] Result<Authenticated> authenticate(const http::Request& request, const Expectation& expected) const;
    // Authenticates an upload by its head, before the first byte of its body arrives.
    [[nodiscard]] Result<Authenticated> authenticate_head(const http::Request& request,
                                                          const Expectation& expected) const;

private:
    enum class Part : std::uint8_t { whole, head };
    [[nodiscard]] Result<Authenticated> judge(const http::Request& request, const Expectation& expected,
                                              Part part) const;

    AuthenticatorOptions options_;
    const CredentialStore& credentials_;
    core::Clock& clock_;
    Sha256 decoy_key_;  // the key for unknown access keys, so that timing does not reveal which ids exist
};

}  // namespace riacho::aws
