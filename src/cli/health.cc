// `riacho health`: whether a server is ready, as an exit code. It goes through no proxy and reads no AWS_ variable: a
// container that has them for other servers is healthy all the same.
#include <fmt/format.h>

#include <cstdio>
#include <cstdlib>

#include "base/text.h"
#include "cli/admin_client.h"
#include "cli/commands.h"
#include "cli/interrupt.h"
#include "cli/progress.h"
#include "core/clock.h"
#include "core/runtime.h"
#include "http/client.h"
#include "http/url.h"

namespace riacho::cli {
namespace {

constexpr std::int64_t health_timeout_ms = 5'000;
constexpr int between_calls_ms = 100;

struct Target {
    std::string url;  // "http://127.0.0.1:4566"
    std::string source;
};

// Looked up for each call: the server may only be starting.
Target find_target(const HealthRequest& request) {
    if (!request.endpoint.empty()) return {request.endpoint, "--endpoint"};
    if (const char* url = std::getenv("RIACHO_ENDPOINT"); url != nullptr && *url != '\0')
        return {url, "RIACHO_ENDPOINT"};
    if (const auto contact = read_admin_contact(request.data_dir.path)) {
        return {"http://" + contact->address, request.data_dir.describe()};
    }
    return {"http://127.0.0.1:4566", "the default"};
}

struct Answer {
    bool able = false;
    std::string text;  // the page, or why there is none
    bool is_page = false;
};

Answer ask(const HealthRequest& request, const Target& target) {
    core::SystemClock clock;
    core::Runtime runtime(1);
    http::ClientOptions options;
    options.ca_file = request.ca_file;
    http::Client client(std::move(options), runtime, clock);
    runtime.start();
    http::ClientRequest call;
    call.method = "GET";
    call.url = target.url + (target.url.ends_with('/') ? "" : "/") + (request.live ? "health/live" : "health/ready");
    call.total_timeout_ms = health_timeout_ms;
    const auto reply = client.send_and_wait(std::move(call));
    if (!reply) return {.text = fmt::format("{} ({})", reply.error().message, target.source)};
    const std::string body(trimmed(reply->body.view()));
    // Some other server may answer there.
    if (!body.starts_with("{\"status\":"))
        return {.text = fmt::format("no riacho server answers at {} ({})", target.url, target.source)};
    return {.able = reply->status == 200, .text = body.substr(0, body.find('\n')), .is_page = true};
}

// {"status":"not ready","log":"disk_full",...} as text: "not ready: log disk_full, catalog ok".
std::string readable(const std::string& page) {
    std::string text = admin_text(page, "status");
    for (const char* part : {"log", "catalog"}) {
        const std::string state = admin_text(page, part);
        if (!state.empty() && state != "ok") text += fmt::format(", {} {}", part, state);
    }
    if (page.contains("\"stopping\":true")) text += ", stopping";
    return text;
}

}  // namespace

int health(const HealthRequest& request) {
    const core::SystemClock clock;
    const std::int64_t until_ns = clock.monotonic().value() + request.wait_s * 1'000'000'000;
    if (const Target target = find_target(request); !http::parse_url(target.url)) {
        report(fmt::format("{} ({})", http::parse_url(target.url).error(), target.source));
        return exit_usage;
    }
    watch_interrupts();
    for (;;) {
        const Answer answer = ask(request, find_target(request));
        if (interrupted() != 0) return exit_interrupted();
        if (!answer.able && clock.monotonic().value() < until_ns) {
            sleep_ms(between_calls_ms);
            continue;
        }
        if (!answer.is_page) return report(answer.text);
        fmt::print("{}\n", request.json ? answer.text : readable(answer.text));
        return answer.able ? exit_ok : exit_failure;
    }
}

}  // namespace riacho::cli
