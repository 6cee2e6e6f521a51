// A small client of the Kinesis API over plain HTTP/1.1, for the subcommands that move records.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "wire/document.h"

namespace riacho::server {

// Where to call, and as whom.
struct Endpoint {
    std::string host;
    std::string port;
    std::string region;
    std::string access_key;
    std::string secret;
    std::string session_token;
};

// http://HOST[:PORT][/]; the rest from AWS_ACCESS_KEY_ID and its like, or anything at all: a server without
// --auth=sigv4 takes every well-formed signature. The error is a sentence.
Expected<Endpoint, std::string> parse_endpoint(std::string_view url);

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
    ~KinesisClient();

    // The reply's body as JSON text; empty for operations without one.
    Expected<std::string, CallError> call(std::string_view operation, std::string_view body);

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

// A JSON string with its quotes.
std::string json_quoted(std::string_view text);
// Calls visit(key, index of the value in nodes) for each member of the object at `at`.
void each_member(std::span<const wire::Node> nodes, std::size_t at,
                 const std::function<void(std::string_view key, std::size_t value)>& visit);
// The text of the member of that name of the object at `at`; empty without one.
std::string_view text_member(std::span<const wire::Node> nodes, std::size_t at, std::string_view name);
// The index of the node after the one at i and all below it.
std::size_t node_after(std::span<const wire::Node> nodes, std::size_t i);

}  // namespace riacho::server
