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
};

// Constant after construction; thread-safe.
class Authenticator {
public:
    Authenticator(AuthenticatorOptions options, const CredentialStore& credentials, core::Clock& clock, core::Rng& rng);

    // service: the signing name the credential scope must have, e.g. "kinesis".
    [[nodiscard]] Result<Authenticated> authenticate(const http::Request& request, std::string_view service) const;

private:
    AuthenticatorOptions options_;
    const CredentialStore& credentials_;
    core::Clock& clock_;
    Sha256 decoy_key_;  // what unknown access keys are verified against, so that time does not tell them apart
};

}  // namespace riacho::aws
