// A small client of the Kinesis API over plain HTTP/1.1, for the subcommands that move records.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "cli/commands.h"

namespace riacho::cli {

// Where to call, and as whom.
struct Endpoint {
    std::string host;
    std::string port;
    std::string source;  // of the address: "--endpoint", "AWS_ENDPOINT_URL", ...
    std::string region;
    std::string access_key;
    std::string secret;
    std::string session_token;
};

// The address: the option, else RIACHO_ENDPOINT, AWS_ENDPOINT_URL_KINESIS, AWS_ENDPOINT_URL, http://127.0.0.1:4566.
// AWS: AWS_IGNORE_CONFIGURED_ENDPOINT_URLS=true switches the two variables of the SDKs off.
// Region and keys: the option, else AWS_REGION, AWS_DEFAULT_REGION and AWS_ACCESS_KEY_ID and its like; without them
// any at all, because a server without --auth=sigv4 takes every well-formed signature. The error is a sentence.
Expected<Endpoint, std::string> resolve_endpoint(const ClientOptions& options);

// An error reply, or none at all.
struct CallError {
    std::string type;  // "ResourceNotFoundException"; empty when the server could not be reached
    std::string message;

    [[nodiscard]] std::string describe() const { return type.empty() ? message : type + ": " + message; }
};

// Blocking, one connection, which is opened again after a failure. Not thread-safe.
class KinesisClient {
public:
    explicit KinesisClient(Endpoint endpoint);
    KinesisClient(KinesisClient&&) noexcept;
    ~KinesisClient();

    // The reply's body as JSON text; empty for operations without one.
    Expected<std::string, CallError> call(std::string_view operation, std::string_view body);
    // The same, with throttled and momentarily failing calls made again, as an SDK would; until a signal comes.
    Expected<std::string, CallError> call_patiently(std::string_view operation, std::string_view body);

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

// How often a call, or the refused records of one, are sent.
inline constexpr int attempts_max = 30;
// The pause before the attempt of that number, the first being 1.
[[nodiscard]] int backoff_ms(int attempt);

}  // namespace riacho::cli
