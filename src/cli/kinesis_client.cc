#include "cli/kinesis_client.h"

#include <fmt/format.h>
#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>

#include "base/try.h"
#include "cli/interrupt.h"
#include "cli/json.h"
#include "core/clock.h"
#include "wire/sigv4.h"

namespace riacho::cli {
namespace {

constexpr std::string_view content_type = "application/x-amz-json-1.1";

std::string from_environment(const char* name, std::string_view otherwise) {
    const char* value = std::getenv(name);
    return value != nullptr && *value != '\0' ? value : std::string(otherwise);
}

CallError unreachable(std::string message) { return {"", std::move(message)}; }

// http://HOST[:PORT][/]
Expected<Endpoint, std::string> parse_address(std::string_view url) {
    constexpr std::string_view scheme = "http://";
    if (!url.starts_with(scheme)) return fail(fmt::format("{} is not an http:// address", url));
    url.remove_prefix(scheme.size());
    const std::string_view authority = url.substr(0, url.find('/'));
    const auto colon = authority.rfind(':');
    const bool has_port = colon != std::string_view::npos && !authority.ends_with(']');
    Endpoint endpoint;
    endpoint.host = authority.substr(0, has_port ? colon : std::string_view::npos);
    endpoint.port = has_port ? authority.substr(colon + 1) : "80";
    if (endpoint.host.starts_with('[') && endpoint.host.ends_with(']')) {
        endpoint.host = endpoint.host.substr(1, endpoint.host.size() - 2);
    }
    if (endpoint.host.empty() || endpoint.port.empty())
        return fail(fmt::format("{} names no host and port", authority));
    return endpoint;
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

}  // namespace

Expected<Endpoint, std::string> resolve_endpoint(const ClientOptions& options) {
    Address address = find_address(options.endpoint);
    auto parsed = parse_address(address.url);
    if (!parsed) return fail(fmt::format("{} ({})", parsed.error(), address.source));
    Endpoint endpoint = *std::move(parsed);
    endpoint.source = std::move(address.source);
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
    Endpoint endpoint;
    core::SystemClock clock;
    int fd = -1;
    std::string received;  // behind the last reply

    bool connect();
    void disconnect();
    [[nodiscard]] std::string request(std::string_view operation, std::string_view body) const;
    bool send(std::string_view bytes) const;
    // Reads until `received` has so many bytes, or at least one more than it had when `size` is 0.
    bool receive(std::size_t size);
    // The status and the body of one reply.
    Expected<std::pair<int, std::string>, CallError> read_reply();
};

bool KinesisClient::Impl::connect() {
    if (fd >= 0) return true;
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* found = nullptr;
    if (getaddrinfo(endpoint.host.c_str(), endpoint.port.c_str(), &hints, &found) != 0) return false;
    for (const addrinfo* at = found; at != nullptr && fd < 0; at = at->ai_next) {
        fd = ::socket(at->ai_family, at->ai_socktype | SOCK_CLOEXEC, at->ai_protocol);
        if (fd >= 0 && ::connect(fd, at->ai_addr, at->ai_addrlen) != 0) disconnect();
    }
    freeaddrinfo(found);
    return fd >= 0;
}

void KinesisClient::Impl::disconnect() {
    if (fd >= 0) ::close(fd);
    fd = -1;
    received.clear();
}

std::string KinesisClient::Impl::request(std::string_view operation, std::string_view body) const {
    namespace sigv4 = wire::sigv4;
    const std::string authority = fmt::format("{}:{}", endpoint.host, endpoint.port);
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
    std::string text =
        fmt::format("POST / HTTP/1.1\r\nhost: {}\r\ncontent-type: {}\r\nx-amz-target: {}\r\ncontent-length: {}\r\n",
                    authority, content_type, target, body.size());
    for (const auto& [name, value] : sigv4::sign(signed_request, credentials, options).fields) {
        text += fmt::format("{}: {}\r\n", name, value);
    }
    text += "\r\n";
    text += body;
    return text;
}

bool KinesisClient::Impl::send(std::string_view bytes) const {
    while (!bytes.empty()) {
        const ssize_t n = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (n <= 0) return false;
        bytes.remove_prefix(static_cast<std::size_t>(n));
    }
    return true;
}

bool KinesisClient::Impl::receive(std::size_t size) {
    std::array<char, 65536> buffer;
    do {
        const ssize_t n = ::recv(fd, buffer.data(), buffer.size(), 0);
        if (n <= 0) return false;
        received.append(buffer.data(), static_cast<std::size_t>(n));
    } while (received.size() < size);
    return true;
}

Expected<std::pair<int, std::string>, CallError> KinesisClient::Impl::read_reply() {
    const auto broken = [] { return fail(unreachable("the server closed the connection")); };
    std::size_t head_end = 0;
    while ((head_end = received.find("\r\n\r\n")) == std::string::npos) {
        if (!receive(0)) return broken();
    }
    std::string head = received.substr(0, head_end + 2);
    for (char& c : head) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
    const auto length_at = head.find("\r\ncontent-length:");
    const std::size_t length =
        length_at == std::string::npos ? 0 : std::strtoull(head.c_str() + length_at + 17, nullptr, 10);
    const int status = head.starts_with("http/1.1 ") ? std::atoi(head.c_str() + 9) : 0;
    const std::size_t end = head_end + 4 + length;
    if (received.size() < end && !receive(end)) return broken();
    std::string body = received.substr(head_end + 4, length);
    received.erase(0, end);
    if (head.contains("\r\nconnection: close")) disconnect();
    return std::pair(status, std::move(body));
}

KinesisClient::KinesisClient(Endpoint endpoint) : impl_(std::make_unique<Impl>()) {
    impl_->endpoint = std::move(endpoint);
}

KinesisClient::KinesisClient(KinesisClient&&) noexcept = default;

KinesisClient::~KinesisClient() {
    if (impl_ != nullptr) impl_->disconnect();
}

Expected<std::string, CallError> KinesisClient::call(std::string_view operation, std::string_view body) {
    if (!impl_->connect()) {
        return fail(unreachable(fmt::format("cannot connect to {}:{} ({})", impl_->endpoint.host, impl_->endpoint.port,
                                            impl_->endpoint.source)));
    }
    if (!impl_->send(impl_->request(operation, body))) {
        impl_->disconnect();
        return fail(unreachable("the server closed the connection"));
    }
    auto reply = impl_->read_reply();
    if (!reply) {
        impl_->disconnect();
        return fail(reply.error());
    }
    auto& [status, text] = *reply;
    if (status == 200) return std::move(text);
    wire::Document document;
    CallError error{fmt::format("status {}", status), ""};
    if (document.parse(wire::Format::json, text)) {
        const std::string_view type = text_member(document.nodes(), 0, "__type");
        if (!type.empty()) error.type = type;
        error.message = text_member(document.nodes(), 0, "message");
    }
    return fail(std::move(error));
}

Expected<std::string, CallError> KinesisClient::call_patiently(std::string_view operation, std::string_view body) {
    constexpr int attempts_to_reach = 3;
    for (int attempt = 1;; ++attempt) {
        auto reply = call(operation, body);
        if (reply || attempt == attempts_max || interrupted() != 0) return reply;
        const std::string& type = reply.error().type;
        const bool passing = type.empty() || type == "ProvisionedThroughputExceededException" ||
                             type == "LimitExceededException" || type == "InternalFailure" ||
                             type == "ServiceUnavailable";
        if (!passing || (type.empty() && attempt >= attempts_to_reach)) return reply;
        sleep_ms(backoff_ms(attempt));
    }
}

int backoff_ms(int attempt) { return std::min(attempt * 50, 1'000); }

}  // namespace riacho::cli
