// `riacho firehose`: delivery streams of a running server.
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>

#include "cli/admin_client.h"
#include "cli/commands.h"

namespace riacho::cli {
namespace {

int report(std::string_view problem) {
    fmt::print(stderr, "riacho: {}\n", problem);
    return exit_failure;
}

// The body of the administrative call consists of lines.
bool is_one_line(std::string_view text) { return std::ranges::find(text, '\n') == text.end(); }

}  // namespace

int firehose_flush(const DataDirectory& data_dir, const FlushRequest& request) {
    if (!is_one_line(request.stream) || !is_one_line(request.account) || !is_one_line(request.region)) {
        return report("names have no line breaks");
    }
    const auto contact = read_admin_contact(data_dir.path);
    const auto answer = contact ? post_admin(*contact, "firehose/flush",
                                             fmt::format("stream={}\naccount={}\nregion={}\n", request.stream,
                                                         request.account, request.region))
                                : std::nullopt;
    if (!answer) return report(fmt::format("no server runs on {}", data_dir.describe()));
    if (answer->status == 200) return exit_ok;
    const std::string problem = admin_text(answer->body, "error");
    return report(problem.empty() ? answer->body : problem);
}

}  // namespace riacho::cli
