#include "aws/call_log.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "core/log.h"
#include "http/message.h"
#include "wire/document.h"

namespace riacho::aws {
namespace {

core::LogLevel line_level = core::LogLevel::debug;

std::string_view operation_of(const http::Request& request) {
    const std::string_view target = request.find("x-amz-target").value_or("");
    const auto dot = target.find('.');
    return dot == std::string_view::npos ? target : target.substr(dot + 1);
}

// arn:aws:kinesis:us-east-1:000000000000:stream/NAME/consumer/...
std::string_view stream_in_arn(std::string_view arn) {
    constexpr std::string_view mark = ":stream/";
    const auto at = arn.find(mark);
    if (at == std::string_view::npos) return {};
    arn.remove_prefix(at + mark.size());
    return arn.substr(0, arn.find('/'));
}

// An access key id has 16 to 32 characters and a secret 40: if a client has exchanged them, its secret must not be
// logged.
std::string loggable(std::string_view access_key) {
    constexpr std::size_t size_max = 32;
    if (access_key.size() <= size_max) return std::string(access_key);
    return fmt::format("{}... ({} characters)", access_key.substr(0, 4), access_key.size());
}

}  // namespace

bool calls_logged() { return core::is_logged(line_level); }

void raise_call_lines() { line_level = core::LogLevel::info; }

void log_call(const http::Request& request, int status, const CallLine& line) {
    core::LogField took("ms", fmt::format("{:.3f}", static_cast<double>(line.ns) / 1e6));
    took.is_number = true;
    core::log_line(line_level, "call",
                   {{"operation", line.operation.empty() ? operation_of(request) : line.operation},
                    {"stream", line.stream},
                    {"status", status},
                    {"error", line.error},
                    took});
}

std::string stream_of(std::string_view known, const wire::Document& document) {
    if (!known.empty()) return std::string(known);
    const auto nodes = document.nodes();
    if (nodes.empty() || nodes[0].kind != wire::NodeKind::object) return {};
    static constexpr std::array<std::string_view, 5> names = {"StreamName", "DeliveryStreamName", "ApplicationName",
                                                              "QueueName", "ChannelName"};
    static constexpr std::array<std::string_view, 3> arns = {"StreamARN", "ConsumerARN", "ResourceARN"};
    std::string_view found;
    for (std::size_t i = 1; i < nodes[0].end;) {
        const std::string_view key = nodes[i].view();
        const wire::Node& value = nodes[i + 1];
        i = value.is_container() ? static_cast<std::size_t>(value.end) : i + 2;
        if (value.kind != wire::NodeKind::text) continue;
        if (std::ranges::find(names, key) != names.end()) return std::string(value.view());
        for (const std::string_view arn : arns) {
            if (key == arn) found = stream_in_arn(value.view());
        }
    }
    return std::string(found);
}

void log_refused_signature(const http::Request& request, std::string_view access_key, std::string_view reason) {
    if (!calls_logged()) return;
    core::log_line(line_level, "signature refused",
                   {{"operation", operation_of(request)},
                    {"access_key", loggable(access_key)},
                    {"reason", reason.substr(0, reason.find(". "))}});
}

}  // namespace riacho::aws
