// `riacho peek`: the last rows of an in-application stream, from the running server.
#include <fmt/format.h>

#include <chrono>
#include <cstdio>
#include <thread>

#include "cli/admin_client.h"
#include "cli/commands.h"
#include "cli/progress.h"
#include "core/clock.h"

namespace riacho::cli {
namespace {

constexpr std::chrono::milliseconds between_looks(250);

}  // namespace

int peek(const PeekRequest& request) {
    const auto contact = read_admin_contact(request.data_dir.path);
    const std::string body = fmt::format("application={}\nstream={}\n", request.application, request.stream);
    // The server keeps rows from the first look on: the next ones show them.
    const core::SystemClock clock;
    const std::int64_t until_ns = clock.monotonic().value() + request.seconds * 1'000'000'000;
    while (contact) {
        const auto answer = post_admin(*contact, "analytics/peek", body);
        if (!answer) break;
        if (answer->status != 200) {
            const std::string problem = admin_text(answer->body, "error");
            report(problem.empty() ? answer->body : problem);
            return exit_failure;
        }
        if (!answer->body.empty()) {
            fmt::print("{}", answer->body);
            return exit_ok;
        }
        if (clock.monotonic().value() >= until_ns) return exit_ok;
        std::this_thread::sleep_for(between_looks);
    }
    report(fmt::format("no server runs on {}", request.data_dir.describe()));
    return exit_unavailable;
}

}  // namespace riacho::cli
