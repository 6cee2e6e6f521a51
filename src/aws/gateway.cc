#include "aws/gateway.h"

#include <algorithm>
#include <atomic>
#include <limits>
#include <memory>
#include <span>
#include <unordered_map>

#include "aws/authenticator.h"
#include "aws/call_log.h"
#include "aws/caller_identity.h"
#include "aws/context.h"
#include "aws/foreign_call.h"
#include "aws/gen/common/errors.gen.h"
#include "aws/streaming.h"
#include "base/check.h"
#include "base/digest.h"
#include "base/hasher.h"
#include "base/text.h"
#include "core/clock.h"
#include "core/log.h"
#include "core/metrics.h"
#include "core/task.h"
#include "wire/bindings.h"
#include "wire/document.h"
#include "wire/event_stream.h"

namespace riacho::aws {

namespace errors = api::common::errors;

struct Gateway::Route {
    const ServiceEntry* service = nullptr;
    OperationEntry operation;
    core::Histogram latency;
    std::atomic<std::uint64_t> succeeded{0};
    std::atomic<std::uint64_t> refused{0};  // 4xx
    std::atomic<std::uint64_t> failed{0};   // 5xx
};

namespace {
// Hash that allows look-ups with std::string_view in a map keyed by std::string.
struct TextHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
};
}  // namespace

struct Gateway::Table {
    std::vector<std::unique_ptr<ServiceEntry>> services;
    std::vector<std::unique_ptr<Route>> routes;
    using ByName = std::unordered_map<std::string, Route*, TextHash, std::equal_to<>>;
    ByName by_target;  // "Kinesis_20131202.PutRecord"
    ByName by_path;    // "POST /createStream"
    std::atomic<std::uint64_t> unexpected_exceptions{0};
    ForeignCalls foreign_calls;
    std::function<void(const OpContext&, std::string_view)> on_not_found;
};

namespace {

// A parsed body must live as long as its operation, so each call in progress has a document of its own; released
// documents are reused on the same core. A document that parsed a large body holds many times the body's size: at most
// one of them is kept per core, until the core is idle.
class DocumentLease {
public:
    explicit DocumentLease(std::size_t body_size) : is_large_(body_size > large_body) {
        auto& idle = is_large_ ? pool().large : pool().small;
        if (idle.empty()) {
            document_ = std::make_unique<wire::Document>();
        } else {
            document_ = std::move(idle.back());
            idle.pop_back();
        }
    }
    DocumentLease(DocumentLease&&) noexcept = default;
    DocumentLease& operator=(DocumentLease&&) = delete;
    ~DocumentLease() {
        if (!document_) return;  // moved from
        auto& idle = is_large_ ? pool().large : pool().small;
        if (idle.size() < (is_large_ ? large_idle_max : small_idle_max)) idle.push_back(std::move(document_));
    }
    wire::Document& operator*() const { return *document_; }

    static void release_idle() {
        pool().large.clear();
        pool().small.clear();
    }

private:
    static constexpr std::size_t large_body = std::size_t{64} << 10;
    static constexpr std::size_t small_idle_max = 64;
    static constexpr std::size_t large_idle_max = 1;

    struct Pool {
        std::vector<std::unique_ptr<wire::Document>> small;
        std::vector<std::unique_ptr<wire::Document>> large;
    };
    static Pool& pool() {
        thread_local Pool idle;
        return idle;
    }
    const bool is_large_;
    std::unique_ptr<wire::Document> document_;
};

// AWS: every service names a resource that it does not have by this code.
constexpr std::string_view not_found_code = "ResourceNotFoundException";

// AWS: the service ends an upload after 30 s without a byte (video spec 3.3).
constexpr std::int64_t upload_idle_ms = 30'000;

// The media type: the text before ';', trimmed.
std::string_view media_type(const http::Request& request) {
    const std::string_view type = request.find("content-type").value_or("");
    return trimmed(type.substr(0, type.find(';')));
}

// True for a body that is compressed or otherwise encoded. AWS: behaviour unknown; no SDK of these services compresses.
bool has_unknown_coding(const http::Request& request) {
    return std::ranges::any_of(request.headers(), [](const http::HeaderField& field) {
        return equal_ignoring_case(field.name, "content-encoding") && !trimmed(field.value).empty() &&
               !equal_ignoring_case(trimmed(field.value), "identity");
    });
}

// Adapts the HTTP server's writer to EventWriter.
class BodyEvents final : public EventWriter {
public:
    explicit BodyEvents(http::BodyWriter& body) : body_(body) {}
    Task<bool> write(std::string_view frames) override { return body_.write(frames); }
    Task<bool> write(std::span<const std::string_view> pieces) override { return body_.write(pieces); }
    [[nodiscard]] bool stopping() const override { return body_.stopping(); }

private:
    http::BodyWriter& body_;
};

// Adapts the HTTP server's reader to BodyReader. Verifies the hash of the body if one was signed.
class UploadBody final : public BodyReader {
public:
    UploadBody(http::BodyReader& body, std::string sha256_wanted)
        : body_(body), sha256_wanted_(std::move(sha256_wanted)) {}
    Task<BodyPiece> read(std::int64_t idle_ms) override {
        const http::BodyPiece piece = co_await body_.read(idle_ms);
        BodyPiece result;
        result.data = piece.data;
        switch (piece.kind) {
            case http::BodyPiece::Kind::data:
                result.kind = BodyPiece::Kind::data;
                if (!sha256_wanted_.empty()) hasher_.update(piece.data);
                break;
            case http::BodyPiece::Kind::end:
                result.kind = is_as_signed() ? BodyPiece::Kind::end : BodyPiece::Kind::broken;
                break;
            case http::BodyPiece::Kind::broken:
                result.kind = BodyPiece::Kind::broken;
                break;
            case http::BodyPiece::Kind::idle:
                result.kind = BodyPiece::Kind::idle;
                break;
        }
        co_return result;
    }

private:
    bool is_as_signed() {
        if (sha256_wanted_.empty()) return true;
        if (!verdict_) verdict_ = to_hex(as_text(hasher_.finish())) == sha256_wanted_;
        return *verdict_;
    }

    http::BodyReader& body_;
    std::string sha256_wanted_;
    Sha256Hasher hasher_;
    std::optional<bool> verdict_;
};

// upload: kept alive until the producer ends, because the producer may read it.
Task<void> produce(EventProducer producer, http::BodyWriter* body, bool is_download,
                   std::shared_ptr<UploadBody> upload) {
    if (!is_download) {
        // AWS: the first frame of every event stream; botocore refuses one without it (spec 5.4).
        Buffer first;
        wire::append_initial_response(first);
        if (!co_await body->write(first.view())) co_return;
    }
    BodyEvents events(*body);
    co_await producer(events);
    upload.reset();
}

http::BodyProducer stream_body(EventProducer producer, bool is_download, std::shared_ptr<UploadBody> upload) {
    return [producer = std::move(producer), is_download, upload = std::move(upload)](http::BodyWriter& body) {
        return produce(producer, &body, is_download, upload);
    };
}

// AWS: unparsable bodies and unknown targets are refused before the signature is checked (spec 1.9).
http::Response unroutable(std::string_view target) {
    constexpr std::string_view text = "Unable to determine service/operation name to be authorized";
    const auto dot = target.find('.');
    const bool named = dot != std::string_view::npos && dot > 0 && dot + 1 < target.size();
    if (!named) return xml_refusal(403, "AccessDeniedException", text);
    return xml_refusal(404, "UnknownOperationException", "");
}

Authenticator::Expectation expectation_of(const ServiceModel& model) {
    // AWS: gateways of JSON services allow 5 minutes; for video the documentation says 15 (video spec 1.5).
    constexpr std::int64_t rest_window_ms = 900'000;
    Authenticator::Expectation expected{.service = model.signing_name};
    if (model.protocol == Protocol::rest_json) expected.window_ms = rest_window_ms;
    return expected;
}

void bind_headers_of(const OperationInfo& operation, const http::Request& request, wire::Document& document) {
    if (operation.input->headers.empty()) return;
    if (document.nodes().front().kind != wire::NodeKind::object) return;  // the decoder refuses an array
    wire::bind_headers(*operation.input, [&](std::string_view name) { return request.find(name); }, document);
}

// Validates a request by its head.
std::optional<ApiError> validate_request(const ServiceModel& model, const OperationInfo& operation,
                                         const http::Request& request, wire::Document& document) {
    bind_headers_of(operation, request, document);
    auto error = decode_input(model, *operation.input, document, nullptr);
    // AWS: an unparsable header is reported as an invalid argument (video spec 3.1).
    if (error && error->code != model.violation) {
        error->code = model.violation;
        error->key = model.violation_key;
    }
    return error;
}

// The error of a valid call of an operation without a function.
ApiError not_there(const ServiceEntry& service, const OperationInfo& operation) {
    return service.runs ? errors::operation_not_supported(operation.name) : errors::service_not_run(operation.name);
}

void set_error(http::Response& response, const ApiError& error, Envelope envelope, CallLine& line) {
    line.error = error.code;
    set_error(response, error, envelope);
}

}  // namespace

// A call with an accepted signature and a parsed document.
struct Gateway::Accepted {
    Accepted(Route& to, DocumentLease parsed, Authenticated from, const http::Request& request, TimestampMs now,
             wire::Format format, Envelope errors_as)
        : route(to),
          document(std::move(parsed)),
          caller(std::move(from)),
          context(request.core(),
                  {caller.account, caller.region, caller.user, to.operation.info->name,
                   request.find("x-riacho-fault").value_or(""), request.authority(), request.secure()},
                  now),
          call{.context = context, .model = *to.service->model, .document = *document, .format = format},
          envelope(errors_as) {}

    Route& route;
    DocumentLease document;
    Authenticated caller;  // context has views into it
    OpContext context;
    Call call;
    Envelope envelope;
    std::shared_ptr<UploadBody> upload;
};

Gateway::Gateway(const Authenticator& authenticator, core::Clock& clock, core::Rng& rng)
    : authenticator_(authenticator), clock_(clock), rng_(rng), table_(std::make_unique<Table>()) {}

Gateway::~Gateway() = default;

void Gateway::add_service(ServiceEntry service) {
    table_->services.push_back(std::make_unique<ServiceEntry>(std::move(service)));
    const ServiceEntry* entry = table_->services.back().get();
    table_->foreign_calls.add_served(entry->model->signing_name, entry->runs);
    for (const OperationEntry& operation : entry->operations) {
        auto route = std::make_unique<Route>();
        route->service = entry;
        route->operation = operation;
        const bool by_path = entry->model->protocol == Protocol::rest_json;
        std::string name(by_path ? operation.info->method : entry->model->target_prefix);
        name += by_path ? ' ' : '.';
        name += by_path ? operation.info->path : operation.info->name;
        const bool is_new =
            (by_path ? table_->by_path : table_->by_target).emplace(std::move(name), route.get()).second;
        RIACHO_CHECK(is_new, "two operations under one name");
        table_->routes.push_back(std::move(route));
    }
}

void Gateway::on_not_found(std::function<void(const OpContext&, std::string_view)> callback) {
    table_->on_not_found = std::move(callback);
}

Gateway::Route* Gateway::find_target(std::string_view target) const {
    const auto found = table_->by_target.find(target);
    return found == table_->by_target.end() ? nullptr : found->second;
}

Gateway::Route* Gateway::find_path(const http::Request& request) const {
    if (request.find("x-amz-target")) return nullptr;
    std::string_view path = request.path();
    // AWS: producers double the slash when their configured endpoint ends in one (video spec 1.2).
    while (path.starts_with("//")) path.remove_prefix(1);
    constexpr std::size_t size_max = 256;  // longer than any path of a model
    if (path.size() > size_max) return nullptr;
    std::string name(request.method());
    name += ' ';
    name += path;
    const auto found = table_->by_path.find(name);
    return found == table_->by_path.end() ? nullptr : found->second;
}

http::BodyPlan Gateway::on_head(const http::Request& request) {
    http::BodyPlan plan;
    Route* route = find_path(request);
    if (route == nullptr || !route->operation.info->upload) return plan;
    const DocumentLease document(request.body().size());
    (*document).make_empty(wire::Format::json);
    const ServiceModel& model = *route->service->model;
    std::optional<ApiError> error;
    if (has_unknown_coding(request)) {
        error = errors::unsupported_coding();
    } else if (auto caller = authenticator_.authenticate_head(request, expectation_of(model)); !caller) {
        error = std::move(caller).error();
    } else {
        error = validate_request(model, *route->operation.info, request, *document);
        if (!error && route->operation.run == nullptr) {
            error = not_there(*route->service, *route->operation.info);
        }
    }
    if (!error) {
        plan.stream = true;
        plan.size_max = std::numeric_limits<std::size_t>::max();  // the client decides how long an upload lasts
        plan.pace = http::Pace{.idle_ms = upload_idle_ms};
        return plan;
    }
    http::Response& response = plan.answer.emplace();
    response.close_connection = true;  // the media that follow are not read
    CallLine line;
    refuse(*route, response, *error, Envelope::rest_json, line);
    if (calls_logged()) log_call(request, response.status, line);
    add_request_ids(response.headers, rng_, false);
    if (request.find("origin")) add_cors_headers(response.headers);
    return plan;
}

// The order of the steps is the order in which AWS answers: spec 1.9, pinned by tests/api/test_transport.py. The HTTP
// server has checked the size of the body (413). All steps share one coroutine: each further coroutine would cost every
// call a frame.
Task<http::Response> Gateway::handle(http::Request& request) {
    const bool cors = request.find("origin").has_value();
    if (cors && request.method() == "OPTIONS") {
        http::Response response = cors_preflight(request);
        add_request_ids(response.headers, rng_, true);
        co_return response;
    }
    const bool logged = calls_logged();
    const MonotonicNs arrived = logged ? clock_.monotonic() : MonotonicNs();
    http::Response response;
    CallLine line;
    std::optional<Accepted> accepted;
    accept(request, accepted, response, line);
    if (accepted && is_supported(*accepted, response, line)) {
        Route& route = accepted->route;
        Call& call = accepted->call;
        const MonotonicNs started = clock_.monotonic();
        try {
            co_await route.operation.run(route.service->state, &call);
        } catch (const std::exception& unexpected) {
            // The only catch block: expected failures are values, so an exception here is a bug or exhaustion.
            table_->unexpected_exceptions.fetch_add(1, std::memory_order_relaxed);
            core::log_line(core::LogLevel::error, "unexpected exception",
                           {{"operation", route.operation.info->name}, {"what", unexpected.what()}});
            call.error = errors::internal_failure();
        }
        route.latency.record_ns(clock_.monotonic().value() - started.value());
        finish(*accepted, response, line);
    }
    if (logged) {
        line.ns = clock_.monotonic().value() - arrived.value();
        log_call(request, response.status, line);
    }
    add_request_ids(response.headers, rng_, false);
    if (cors) add_cors_headers(response.headers);
    co_return response;
}

// Checks a request up to its operation's input: afterwards either there is an accepted call, or the response is
// complete.
void Gateway::accept(http::Request& request, std::optional<Accepted>& accepted, http::Response& response,
                     CallLine& line) {
    const std::string_view target = request.find("x-amz-target").value_or("");
    const std::string_view type = media_type(request);
    const bool is_json = equal_ignoring_case(type, json_content_type);
    const bool is_cbor = equal_ignoring_case(type, cbor_content_type);
    Route* named = find_target(target);
    if (Route* route = target.empty() ? find_path(request) : nullptr; route != nullptr) {
        accept_rest(request, *route, accepted, response, line);
    } else if (const std::string service = named == nullptr ? table_->foreign_calls.service_of(request) : std::string();
               !service.empty()) {
        response = table_->foreign_calls.refuse(request, service, clock_.monotonic());
        line.error = "UnknownOperationException";
    } else if (request.method() != "POST") {
        response = unroutable("");
    } else if (request.body().empty()) {
        const ApiError error = named != nullptr ? errors::unreadable_body() : errors::unknown_operation();
        set_error(response, error, is_json ? Envelope::json : Envelope::cbor, line);
    } else if (has_unknown_coding(request)) {
        set_error(response, errors::unsupported_coding(), is_cbor ? Envelope::cbor : Envelope::json, line);
    } else if (is_json || is_cbor) {
        accept_json(request, is_json ? wire::Format::json : wire::Format::cbor, named, accepted, response, line);
    } else if (equal_ignoring_case(type, "application/json")) {
        const DocumentLease document(request.body().size());
        const bool readable =
            (*document).parse(wire::Format::json, request.body(), http::Request::body_padding).has_value();
        response =
            readable ? legacy_refusal(404, "UnknownOperationException") : legacy_refusal(400, "SerializationException");
    } else if (asks_for_caller_identity(type, request.body())) {
        response = caller_identity(authenticator_, request, rng_);
    } else {
        response = unroutable(target);
    }
}

void Gateway::refuse(Route& route, http::Response& response, const ApiError& error, Envelope envelope,
                     CallLine& line) const {
    const int status = envelope == Envelope::rest_json ? error.rest_status : error.status;
    (status >= 500 ? route.failed : route.refused).fetch_add(1, std::memory_order_relaxed);
    line.operation = route.operation.info->name;
    set_error(response, error, envelope, line);
}

http::Response Gateway::overloaded(const http::Request& request) {
    http::Response response;
    const bool is_rest = find_path(request) != nullptr;
    const bool is_cbor = equal_ignoring_case(media_type(request), cbor_content_type);
    set_error(response, errors::overloaded(),
              is_rest   ? Envelope::rest_json
              : is_cbor ? Envelope::cbor
                        : Envelope::json);
    add_request_ids(response.headers, rng_, false);
    if (request.find("origin")) add_cors_headers(response.headers);
    return response;
}

void Gateway::release_idle_memory() { DocumentLease::release_idle(); }

void Gateway::accept_json(http::Request& request, wire::Format format, Route* route, std::optional<Accepted>& accepted,
                          http::Response& response, CallLine& line) {
    const Envelope envelope = format == wire::Format::json ? Envelope::json : Envelope::cbor;
    DocumentLease document(request.body().size());
    if (!(*document).parse(format, request.body(), http::Request::body_padding)) {
        return set_error(response, errors::unreadable_body(), envelope, line);
    }
    if (route == nullptr) return set_error(response, errors::unknown_operation(), envelope, line);
    const ServiceModel& model = *route->service->model;
    if (format == wire::Format::cbor && !model.cbor) {
        response = unroutable(request.find("x-amz-target").value_or(""));
        return;
    }
    auto caller = authenticator_.authenticate(request, expectation_of(model));
    if (!caller) return refuse(*route, response, caller.error(), envelope, line);
    accepted.emplace(*route, std::move(document), *std::move(caller), request, clock_.now(), format, envelope);
}

// The signature is checked before the body is parsed: the path has identified the operation.
void Gateway::accept_rest(http::Request& request, Route& route, std::optional<Accepted>& accepted,
                          http::Response& response, CallLine& line) {
    const ServiceModel& model = *route.service->model;
    constexpr Envelope envelope = Envelope::rest_json;
    if (has_unknown_coding(request)) return refuse(route, response, errors::unsupported_coding(), envelope, line);
    const bool is_upload = route.operation.info->upload && request.stream() != nullptr;
    auto caller = is_upload ? authenticator_.authenticate_head(request, expectation_of(model))
                            : authenticator_.authenticate(request, expectation_of(model));
    if (!caller) return refuse(route, response, caller.error(), envelope, line);
    DocumentLease document(request.body().size());
    if (request.body().empty()) {
        (*document).make_empty(wire::Format::json);
    } else if (!(*document).parse(wire::Format::json, request.body(), http::Request::body_padding)) {
        return refuse(route, response, errors::unreadable_body(), envelope, line);
    }
    bind_headers_of(*route.operation.info, request, *document);
    accepted.emplace(route, std::move(document), *std::move(caller), request, clock_.now(), wire::Format::json,
                     envelope);
    if (is_upload) {
        accepted->upload = std::make_shared<UploadBody>(*request.stream(), std::move(accepted->caller.body_sha256));
        accepted->call.upload = accepted->upload.get();
    }
}

// Operations that are not supported yet validate their input nevertheless.
bool Gateway::is_supported(Accepted& accepted, http::Response& response, CallLine& line) const {
    const OperationEntry& operation = accepted.route.operation;
    if (operation.run != nullptr) return true;
    const Call& call = accepted.call;
    const auto error = decode_input(call.model, *operation.info->input, call.document, nullptr);
    refuse(accepted.route, response, error ? *error : not_there(*accepted.route.service, *operation.info),
           accepted.envelope, line);
    return false;
}

// Makes the response from the operation's result.
void Gateway::finish(Accepted& accepted, http::Response& response, CallLine& line) const {
    Route& route = accepted.route;
    Call& call = accepted.call;
    if (calls_logged()) {
        line.operation = route.operation.info->name;
        line.stream = stream_of(call.context.stream(), call.document);
    }
    if (call.error && call.error->code == not_found_code && table_->on_not_found) {
        table_->on_not_found(call.context, stream_of(call.context.stream(), call.document));
    }
    if (call.error) return refuse(route, response, *call.error, accepted.envelope, line);
    route.succeeded.fetch_add(1, std::memory_order_relaxed);
    const bool is_events = call.producer && !call.is_download;
    bool has_type = false;
    for (const auto& [name, value] : call.headers) {
        response.headers.add(name, value);
        has_type |= name == "content-type";
    }
    if (!has_type) {
        response.headers.add("content-type", is_events ? wire::event_stream_content_type
                                             : accepted.envelope == Envelope::rest_json
                                                 ? std::string_view("application/json")
                                             : call.format == wire::Format::json ? json_content_type
                                                                                 : cbor_content_type);
    }
    response.body = std::move(call.body);
    response.memory = std::move(call.context.reply_memory());
    if (call.producer) {
        response.producer = stream_body(std::move(call.producer), call.is_download, std::move(accepted.upload));
    }
}

void Gateway::collect(core::MetricsWriter& writer) const {
    using Kind = core::MetricsWriter::Kind;
    writer.family("riacho_requests_total", Kind::counter, "Calls by operation and outcome");
    for (const auto& route : table_->routes) {
        const auto count = [&](std::string_view outcome, const std::atomic<std::uint64_t>& value) {
            if (value.load() != 0)
                writer.sample({{"service", route->service->model->name},
                               {"operation", route->operation.info->name},
                               {"outcome", outcome}},
                              value.load());
        };
        count("ok", route->succeeded);
        count("client_error", route->refused);
        count("server_error", route->failed);
    }
    writer.family("riacho_request_seconds", Kind::histogram,
                  "Duration of calls by operation, from the signature to the reply");
    for (const auto& route : table_->routes) {
        if (route->latency.count() == 0) continue;
        writer.histogram({{"service", route->service->model->name}, {"operation", route->operation.info->name}},
                         route->latency);
    }
    writer.family("riacho_unexpected_exceptions_total", Kind::counter,
                  "Unexpected exceptions, answered with InternalFailure");
    writer.sample({}, table_->unexpected_exceptions.load());
}

}  // namespace riacho::aws
