#include "aws/gateway.h"

#include <algorithm>
#include <atomic>
#include <unordered_map>

#include "aws/authenticator.h"
#include "aws/caller_identity.h"
#include "aws/context.h"
#include "aws/gen/kinesis/errors.gen.h"
#include "aws/replies.h"
#include "base/check.h"
#include "base/text.h"
#include "core/clock.h"
#include "core/log.h"
#include "core/metrics.h"
#include "core/task.h"
#include "wire/document.h"
#include "wire/encode.h"
#include "wire/event_stream.h"

namespace riacho::aws {

namespace errors = api::kinesis::errors;

struct Gateway::Route {
    const ServiceEntry* service = nullptr;
    OperationEntry operation;
    core::Histogram latency;
    std::atomic<std::uint64_t> succeeded{0};
    std::atomic<std::uint64_t> refused{0};  // 4xx
    std::atomic<std::uint64_t> failed{0};   // 5xx
};

namespace {
// Lets a map keyed by std::string be asked with a view.
struct TextHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
};
}  // namespace

struct Gateway::Table {
    std::vector<std::unique_ptr<ServiceEntry>> services;
    std::vector<std::unique_ptr<Route>> routes;
    std::unordered_map<std::string, Route*, TextHash, std::equal_to<>> by_target;
    std::atomic<std::uint64_t> unexpected_exceptions{0};
};

namespace {

// A parsed body lives as long as its operation, so each call in progress holds a document of its own; used ones wait
// for the next call on the same core.
class DocumentLease {
public:
    DocumentLease() {
        auto& idle = pool();
        if (idle.empty()) {
            document_ = std::make_unique<wire::Document>();
        } else {
            document_ = std::move(idle.back());
            idle.pop_back();
        }
    }
    DocumentLease(const DocumentLease&) = delete;
    DocumentLease& operator=(const DocumentLease&) = delete;
    ~DocumentLease() {
        constexpr std::size_t idle_max = 64;
        if (pool().size() < idle_max) pool().push_back(std::move(document_));
    }
    wire::Document& operator*() const { return *document_; }

private:
    static std::vector<std::unique_ptr<wire::Document>>& pool() {
        thread_local std::vector<std::unique_ptr<wire::Document>> idle;
        return idle;
    }
    std::unique_ptr<wire::Document> document_;
};

// The media type alone: the text before ';', trimmed.
std::string_view media_type(const http::Request& request) {
    const std::string_view type = request.find("content-type").value_or("");
    return trimmed(type.substr(0, type.find(';')));
}

// A body in another coding is not what it seems to be. AWS: nothing is known; no SDK of these services compresses.
bool has_unknown_coding(const http::Request& request) {
    return std::ranges::any_of(request.headers(), [](const http::HeaderField& field) {
        return equal_ignoring_case(field.name, "content-encoding") && !trimmed(field.value).empty() &&
               !equal_ignoring_case(trimmed(field.value), "identity");
    });
}

void set_error(http::Response& response, const ApiError& error, wire::Format format) {
    response.status = error.status;
    response.headers.add("content-type", format == wire::Format::json ? json_content_type : cbor_content_type);
    std::string_view key;
    if (error.key == MessageKey::message) key = "message";
    if (error.key == MessageKey::capital_message) key = "Message";
    wire::encode_error(error.code, key, error.message, format, response.body);
}

// The HTTP server's writer as event producers know it.
class BodyEvents final : public EventWriter {
public:
    explicit BodyEvents(http::BodyWriter& body) : body_(body) {}
    Task<bool> write(std::string_view frames) override { return body_.write(frames); }
    [[nodiscard]] bool stopping() const override { return body_.stopping(); }

private:
    http::BodyWriter& body_;
};

Task<void> produce(EventProducer producer, http::BodyWriter* body) {
    // AWS: the first frame of every event stream; botocore refuses one without it (spec 5.4).
    Buffer first;
    wire::append_initial_response(first);
    if (!co_await body->write(first.view())) co_return;
    BodyEvents events(*body);
    co_await producer(events);
}

http::BodyProducer event_body(EventProducer producer) {
    return [producer = std::move(producer)](http::BodyWriter& body) { return produce(producer, &body); };
}

// AWS: bodies that cannot be parsed, and targets, are judged before the signature (spec 1.9).
http::Response unroutable(std::string_view target) {
    constexpr std::string_view text = "Unable to determine service/operation name to be authorized";
    const auto dot = target.find('.');
    const bool named = dot != std::string_view::npos && dot > 0 && dot + 1 < target.size();
    if (!named) return xml_refusal(403, "AccessDeniedException", text);
    return xml_refusal(404, "UnknownOperationException", "");
}

}  // namespace

Gateway::Gateway(const Authenticator& authenticator, core::Clock& clock, core::Rng& rng)
    : authenticator_(authenticator), clock_(clock), rng_(rng), table_(std::make_unique<Table>()) {}

Gateway::~Gateway() = default;

void Gateway::add_service(ServiceEntry service) {
    table_->services.push_back(std::make_unique<ServiceEntry>(std::move(service)));
    const ServiceEntry* entry = table_->services.back().get();
    for (const OperationEntry& operation : entry->operations) {
        auto route = std::make_unique<Route>();
        route->service = entry;
        route->operation = operation;
        std::string target(entry->target_prefix);
        target += '.';
        target += operation.name;
        table_->by_target.emplace(std::move(target), route.get());
        table_->routes.push_back(std::move(route));
    }
}

Gateway::Route* Gateway::find(std::string_view target) const {
    const auto found = table_->by_target.find(target);
    return found == table_->by_target.end() ? nullptr : found->second;
}

// The order of the steps is the order in which AWS answers: spec 1.9, pinned by tests/api/test_transport.py. The
// size of the body (413) was judged by the HTTP server.
Task<http::Response> Gateway::handle(http::Request& request) {
    const bool cors = request.find("origin").has_value();
    if (cors && request.method() == "OPTIONS") {
        http::Response response = cors_preflight(request);
        add_request_ids(response.headers, rng_, true);
        co_return response;
    }
    http::Response response;
    const std::string_view target = request.find("x-amz-target").value_or("");
    const std::string_view type = media_type(request);
    const bool is_json = equal_ignoring_case(type, json_content_type);
    const bool is_cbor = equal_ignoring_case(type, cbor_content_type);
    if (request.method() != "POST") {
        response = unroutable("");
    } else if (request.body().empty()) {
        const ApiError error = find(target) != nullptr ? errors::unreadable_body() : errors::unknown_operation();
        set_error(response, error, is_json ? wire::Format::json : wire::Format::cbor);
    } else if (has_unknown_coding(request)) {
        set_error(response, errors::unsupported_coding(), is_cbor ? wire::Format::cbor : wire::Format::json);
    } else if (is_json || is_cbor) {
        co_await run(request, is_json ? wire::Format::json : wire::Format::cbor, response);
    } else if (equal_ignoring_case(type, "application/json")) {
        const DocumentLease document;
        const bool readable =
            (*document).parse(wire::Format::json, request.body(), http::Request::body_padding).has_value();
        response =
            readable ? legacy_refusal(404, "UnknownOperationException") : legacy_refusal(400, "SerializationException");
    } else if (asks_for_caller_identity(type, request.body())) {
        response = caller_identity(authenticator_, request, rng_);
    } else {
        response = unroutable(target);
    }
    add_request_ids(response.headers, rng_, false);
    if (cors) add_cors_headers(response.headers);
    co_return response;
}

Task<void> Gateway::run(http::Request& request, wire::Format format, http::Response& response) {
    const DocumentLease document;
    if (!(*document).parse(format, request.body(), http::Request::body_padding)) {
        co_return set_error(response, errors::unreadable_body(), format);
    }
    Route* route = find(request.find("x-amz-target").value_or(""));
    if (route == nullptr) co_return set_error(response, errors::unknown_operation(), format);
    auto caller = authenticator_.authenticate(request, route->service->signing_name);
    if (!caller) {
        route->refused.fetch_add(1, std::memory_order_relaxed);
        co_return set_error(response, caller.error(), format);
    }
    if (route->operation.run == nullptr) {
        route->refused.fetch_add(1, std::memory_order_relaxed);
        co_return set_error(response, errors::operation_not_supported(route->operation.name), format);
    }
    const MonotonicNs started = clock_.monotonic();
    OpContext context(request.core(),
                      {caller->account, caller->region, caller->user, route->operation.name,
                       request.find("x-riacho-fault").value_or("")},
                      clock_.now());
    Call call{.context = context, .document = *document, .format = format};
    try {
        co_await route->operation.run(route->service->state, &call);
    } catch (const std::exception& unexpected) {
        // The one barrier: expected failures are values, so whatever gets here is a bug or exhaustion.
        table_->unexpected_exceptions.fetch_add(1, std::memory_order_relaxed);
        core::log_line(core::LogLevel::error, "unexpected exception",
                       {{"operation", route->operation.name}, {"what", unexpected.what()}});
        call.error = errors::internal_failure();
    }
    route->latency.record_ns(clock_.monotonic().value() - started.value());
    if (call.error) {
        (call.error->status >= 500 ? route->failed : route->refused).fetch_add(1, std::memory_order_relaxed);
        co_return set_error(response, *call.error, format);
    }
    route->succeeded.fetch_add(1, std::memory_order_relaxed);
    if (call.producer) {
        response.headers.add("content-type", wire::event_stream_content_type);
        response.producer = event_body(std::move(call.producer));
        co_return;
    }
    response.headers.add("content-type", format == wire::Format::json ? json_content_type : cbor_content_type);
    response.body = std::move(call.body);
}

void Gateway::collect(core::MetricsWriter& writer) const {
    using Kind = core::MetricsWriter::Kind;
    writer.family("riacho_requests_total", Kind::counter, "Calls by operation and outcome");
    for (const auto& route : table_->routes) {
        const auto count = [&](std::string_view outcome, const std::atomic<std::uint64_t>& value) {
            if (value.load() != 0)
                writer.sample({{"operation", route->operation.name}, {"outcome", outcome}}, value.load());
        };
        count("ok", route->succeeded);
        count("client_error", route->refused);
        count("server_error", route->failed);
    }
    writer.family("riacho_request_seconds", Kind::histogram,
                  "Duration of calls by operation, from the signature to the reply");
    for (const auto& route : table_->routes) {
        if (route->latency.count() != 0) writer.histogram({{"operation", route->operation.name}}, route->latency);
    }
    writer.family("riacho_unexpected_exceptions_total", Kind::counter, "Bugs that were answered with InternalFailure");
    writer.sample({}, table_->unexpected_exceptions.load());
}

}  // namespace riacho::aws
