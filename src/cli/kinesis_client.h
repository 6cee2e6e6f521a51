// KinesisClient: a client of the Kinesis API for the subcommands that move records: signed JSON calls over the outbound
// HTTP client.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "cli/commands.h"
#include "core/backoff.h"
#include "http/url.h"

namespace riacho::cli {

// The address, region, credentials and certificates of a server.
struct Endpoint {
    http::Url url;
    std::string source;  // source of the address: "--endpoint", "AWS_ENDPOINT_URL", ...
    std::string ca_file;
    std::string region;
    std::string access_key;
    std::string secret;
    std::string session_token;
};

// The address: the option, else RIACHO_ENDPOINT, AWS_ENDPOINT_URL_KINESIS, AWS_ENDPOINT_URL, http://127.0.0.1:4566.
// AWS: AWS_IGNORE_CONFIGURED_ENDPOINT_URLS=true disables the two variables of the SDKs.
// Region and keys: the option, else AWS_REGION, AWS_DEFAULT_REGION and AWS_ACCESS_KEY_ID with its related variables;
// without them arbitrary ones, because a server without --auth=sigv4 accepts every well-formed signature. The
// certificates: the option, else AWS_CA_BUNDLE, else the system's. The error is a sentence.
Expected<Endpoint, std::string> resolve_endpoint(const ClientOptions& options);

// An error reply, or the absence of a reply.
struct CallError {
    std::string type;  // "ResourceNotFoundException"; empty without a reply
    std::string message;
    bool may_have_acted = false;  // the call was sent, but no reply of the server was received

    [[nodiscard]] std::string describe() const { return type.empty() ? message : type + ": " + message; }
};

// Blocking; has a thread of its own for the connection. Not thread-safe.
class KinesisClient {
public:
    explicit KinesisClient(Endpoint endpoint);
    KinesisClient(KinesisClient&&) noexcept;
    ~KinesisClient();

    // The reply's body as JSON text; empty for operations without one.
    Expected<std::string, CallError> call(std::string_view operation, std::string_view body);
    // As call(), but repeats throttled calls and calls with transient errors, as an SDK would; until a signal comes.
    Expected<std::string, CallError> call_patiently(std::string_view operation, std::string_view body);
    // Whether the endpoint is Amazon's own.
    [[nodiscard]] bool is_of_aws() const;
    // From now on call_patiently() also repeats calls while the server cannot be reached, for instance during its
    // restart.
    void wait_for_server();

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

// Maximum number of attempts of a call, or of the refused records of one.
inline constexpr int attempts_max = 30;
// The pauses between attempts.
[[nodiscard]] core::Backoff call_backoff();

}  // namespace riacho::cli
