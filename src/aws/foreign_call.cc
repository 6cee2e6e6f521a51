#include "aws/foreign_call.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "aws/error.h"
#include "aws/replies.h"
#include "core/log.h"
#include "wire/sigv4.h"

namespace riacho::aws {

namespace sigv4 = wire::sigv4;

namespace {

constexpr std::string_view unknown_operation_code = "UnknownOperationException";
// The gateway answers a single operation of it, GetCallerIdentity.
constexpr std::string_view caller_identity_service = "sts";

// The service in the credential scope; empty without a signature that can be read.
std::string signed_service(const http::Request& request) {
    std::vector<sigv4::Field> fields;
    for (const http::HeaderField& field : request.headers()) fields.push_back({field.name, field.value});
    const auto authorization =
        sigv4::parse({request.method(), request.path(), request.query(), request.authority(), fields});
    return authorization ? std::string(authorization->scope.service) : std::string();
}

// The name goes into the reply and into the log.
bool is_service_name(std::string_view name) {
    constexpr std::size_t size_max = 64;
    return !name.empty() && name.size() <= size_max && std::ranges::all_of(name, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
    });
}

}  // namespace

void ForeignCalls::add_served(std::string_view signing_name, bool runs) {
    const auto add = [&](std::vector<std::string>& list) {
        if (std::ranges::find(list, signing_name) == list.end()) list.emplace_back(signing_name);
    };
    add(known_);
    if (runs) add(running_);
}

std::string ForeignCalls::service_of(const http::Request& request) const {
    std::string service = signed_service(request);
    if (!is_service_name(service) || service == caller_identity_service) return {};
    return std::ranges::find(known_, service) == known_.end() ? service : std::string();
}

std::string ForeignCalls::served() const {
    std::string text;
    for (std::size_t i = 0; i < running_.size(); ++i) {
        if (i > 0) text += i + 1 == running_.size() ? " and " : ", ";
        text += running_[i];
    }
    return text.empty() ? "nothing" : text;
}

http::Response ForeignCalls::refuse(const http::Request& request, std::string_view service, MonotonicNs now) {
    constexpr std::size_t told_max = 64;  // of services, whose names clients choose
    bool is_due = false;
    {
        const MutexLock lock(mutex_);
        auto found = told_.find(service);
        // Services whose line is due again are forgotten, so that invented names do not stay forever; at most told_max
        // lines a minute are written.
        if (found == told_.end() && told_.size() >= told_max) {
            for (auto told = told_.begin(); told != told_.end();)
                told = told->second.is_due(now) ? told_.erase(told) : std::next(told);
        }
        if (found == told_.end() && told_.size() < told_max)
            found = told_.emplace(std::string(service), core::LogThrottle()).first;
        is_due = found != told_.end() && found->second.is_due(now);
    }
    const std::string names = served();
    if (is_due) {
        const std::string_view target = request.find("x-amz-target").value_or("");
        core::log_line(
            core::LogLevel::warn, "call of another service",
            {{"service", service},
             {"call", target.empty() ? fmt::format("{} {}", request.method(), request.path()) : std::string(target)},
             {"served", names}});
    }
    // No service's error, and so not in api/: AWS has no endpoint of several services.
    ApiError error;
    error.code = unknown_operation_code;
    error.message = fmt::format(
        "This server does not serve {}; it serves {}. Clients of other services need endpoints of their own: set "
        "AWS_ENDPOINT_URL_KINESIS, and not AWS_ENDPOINT_URL.",
        service, names);
    http::Response response;
    const std::string_view type = request.find("content-type").value_or("");
    if (type.contains("json")) {
        set_error(response, error, Envelope::json);
        return response;
    }
    // S3 and others answer <Error>, services with the query protocol <ErrorResponse><Error>.
    const bool is_query = type.contains("x-www-form-urlencoded");
    response.status = error.status;
    response.headers.add("content-type", "text/xml");
    if (request.method() == "HEAD") return response;
    response.body.append(fmt::format("{}<Error><Code>{}</Code><Message>{}</Message></Error>{}\n",
                                     is_query ? "<ErrorResponse>" : "", error.code, error.message,
                                     is_query ? "</ErrorResponse>" : ""));
    return response;
}

}  // namespace riacho::aws
