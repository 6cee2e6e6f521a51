#include "cli/kinesis_client.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdlib>

#include "base/try.h"
#include "cli/damage.h"
#include "cli/interrupt.h"
#include "cli/json.h"
#include "core/clock.h"
#include "core/runtime.h"
#include "http/client.h"
#include "wire/sigv4.h"

namespace riacho::cli {
namespace {

constexpr std::string_view content_type = "application/x-amz-json-1.1";
// A GetRecords reply has 10 MiB of data, plus the overhead of base64 and of the other members.
constexpr std::size_t reply_size_max = std::size_t{64} << 20;
constexpr std::int64_t call_timeout_ms = 60'000;
constexpr int attempts_to_reach = 3;

// The type of an error reply without a type, as proxies and load balancers send.
std::string type_of_status(int status) { return fmt::format("status {}", status); }

// Whether the same call may succeed a moment later.
bool is_passing(const std::string& type) {
    constexpr std::array<std::string_view, 4> types = {
        "ProvisionedThroughputExceededException", "LimitExceededException", "InternalFailure", "ServiceUnavailable"};
    constexpr std::array<int, 4> statuses = {429, 502, 503, 504};
    return type.empty() || std::ranges::find(types, type) != types.end() ||
           std::ranges::any_of(statuses, [&](int status) { return type == type_of_status(status); });
}

std::string from_environment(const char* name, std::string_view otherwise) {
    const char* value = std::getenv(name);
    return value != nullptr && *value != '\0' ? value : std::string(otherwise);
}

struct Address {
    std::string url;
    std::string source;
};

Address find_address(const std::string& given) {
    if (!given.empty()) return {given, "--endpoint"};
    const bool ignores_sdk_variables = from_environment("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "") == "true";
    for (const char* name : {"RIACHO_ENDPOINT", "AWS_ENDPOINT_URL_KINESIS", "AWS_ENDPOINT_URL"}) {
        if (ignores_sdk_variables && name[0] == 'A') continue;
        if (std::string url = from_environment(name, ""); !url.empty()) return {std::move(url), name};
    }
    return {"http://127.0.0.1:4566", "the default"};
}

http::ClientOptions client_options(const Endpoint& endpoint) {
    http::ClientOptions options;
    options.ca_file = endpoint.ca_file;
    options.proxies = http::proxies_from_environment();
    return options;
}

}  // namespace

Expected<Endpoint, std::string> resolve_endpoint(const ClientOptions& options) {
    const Address address = find_address(options.endpoint);
    auto url = http::parse_url(address.url);
    if (!url) return fail(fmt::format("{} ({})", url.error(), address.source));
    Endpoint endpoint;
    endpoint.url = *std::move(url);
    endpoint.source = address.source;
    endpoint.ca_file = options.ca_file.empty() ? from_environment("AWS_CA_BUNDLE", "") : options.ca_file;
    endpoint.region = options.region;
    if (endpoint.region.empty()) {
        endpoint.region = from_environment("AWS_REGION", from_environment("AWS_DEFAULT_REGION", "us-east-1"));
    }
    endpoint.access_key = from_environment("AWS_ACCESS_KEY_ID", "riacho");
    endpoint.secret = from_environment("AWS_SECRET_ACCESS_KEY", "riacho");
    endpoint.session_token = from_environment("AWS_SESSION_TOKEN", "");
    return endpoint;
}

struct KinesisClient::Impl {
    explicit Impl(Endpoint at) : endpoint(std::move(at)), runtime(1), client(client_options(endpoint), runtime, clock) {
        runtime.start();
    }

    Endpoint endpoint;
    core::SystemClock clock;
    core::Runtime runtime;
    http::Client client;
    int attempts_without_server = attempts_to_reach;

    [[nodiscard]] http::ClientRequest request(std::string_view operation, std::string_view body) const;
};

http::ClientRequest KinesisClient::Impl::request(std::string_view operation, std::string_view body) const {
    namespace sigv4 = wire::sigv4;
    const std::string authority = endpoint.url.authority();
    const std::string target = fmt::format("Kinesis_20131202.{}", operation);
    const std::array<sigv4::Field, 2> headers = {{{"content-type", content_type}, {"x-amz-target", target}}};
    sigv4::Request signed_request;
    signed_request.method = "POST";
    signed_request.path = "/";
    signed_request.authority = authority;
    signed_request.headers = headers;
    sigv4::Credentials credentials;
    credentials.access_key = endpoint.access_key;
    credentials.secret = endpoint.secret;
    credentials.session_token = endpoint.session_token;
    sigv4::SignOptions options;
    options.now = clock.now();
    options.region = endpoint.region;
    options.service = "kinesis";
    options.body = body;
    http::ClientRequest request;
    request.method = "POST";
    request.url = fmt::format("{}://{}/", endpoint.url.secure ? "https" : "http", authority);
    for (const auto& [name, value] : headers) request.headers.add(name, value);
    for (const auto& [name, value] : sigv4::sign(signed_request, credentials, options).fields) {
        request.headers.add(name, value);
    }
    request.body = {body};
    request.reply_size_max = reply_size_max;
    request.total_timeout_ms = call_timeout_ms;
    return request;
}

KinesisClient::KinesisClient(Endpoint endpoint) : impl_(std::make_unique<Impl>(std::move(endpoint))) {}
KinesisClient::KinesisClient(KinesisClient&&) noexcept = default;
KinesisClient::~KinesisClient() = default;

Expected<std::string, CallError> KinesisClient::call(std::string_view operation, std::string_view body) {
    const auto reply = impl_->client.send_and_wait(impl_->request(operation, body));
    if (!reply) {
        return fail(
            CallError{"", fmt::format("{} ({})", reply.error().message, impl_->endpoint.source), reply.error().sent});
    }
    const std::string_view text = reply->body.view();
    if (reply->status == 200) return std::string(text);
    wire::Document document;
    CallError error{type_of_status(reply->status), ""};
    if (document.parse(wire::Format::json, text)) {
        const std::string_view type = text_member(document.nodes(), 0, "__type");
        if (!type.empty()) error.type = type;
        error.message = text_member(document.nodes(), 0, "message");
    }
    // A gateway's error does not show whether the server has carried out the request.
    if (reply->status > 500 && error.type == type_of_status(reply->status)) error.may_have_acted = true;
    return fail(std::move(error));
}

Expected<std::string, CallError> KinesisClient::call_patiently(std::string_view operation, std::string_view body) {
    bool may_have_acted = false;
    core::SystemRng rng;
    core::Backoff backoff = call_backoff();
    for (int attempt = 1;; ++attempt) {
        auto reply = call(operation, body);
        if (!reply) may_have_acted = reply.error().may_have_acted |= may_have_acted;
        if (reply || attempt == attempts_max || interrupted() != 0) return reply;
        const std::string& type = reply.error().type;
        if (!is_passing(type) || is_damage(reply.error()) ||
            (type.empty() && attempt >= impl_->attempts_without_server))
            return reply;
        sleep_ms(static_cast<int>(backoff.next_ms(rng)));
    }
}

bool KinesisClient::is_of_aws() const {
    const std::string& host = impl_->endpoint.url.host;
    return host.ends_with(".amazonaws.com") || host.ends_with(".amazonaws.com.cn") || host.ends_with(".api.aws");
}

void KinesisClient::wait_for_server() { impl_->attempts_without_server = attempts_max; }

core::Backoff call_backoff() { return {50, 1'000}; }

}  // namespace riacho::cli
