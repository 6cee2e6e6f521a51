// `riacho user` and `riacho clock`: administration through the running server; `user` starts a temporary server if none
// runs.
#include <fmt/format.h>

#include <cstdio>
#include <filesystem>
#include <optional>

#include "cli/admin_client.h"
#include "cli/commands.h"
#include "cli/progress.h"
#include "core/file_exists.h"

namespace riacho::cli {
namespace {

std::string_view path_of(UserRequest::Action action) {
    switch (action) {
        case UserRequest::Action::add:
            return "users/add";
        case UserRequest::Action::list:
            return "users/list";
        case UserRequest::Action::remove:
            return "users/remove";
        case UserRequest::Action::rotate:
            return "users/rotate";
    }
    return "";
}

int print(const UserRequest& request, const AdminAnswer& answer) {
    if (answer.status != 200) {
        const std::string problem = admin_text(answer.body, "error");
        fmt::print(stderr, "riacho: {}\n", problem.empty() ? answer.body : problem);
        return exit_failure;
    }
    if (request.json) {
        fmt::print("{}", answer.body);
        return exit_ok;
    }
    if (request.action == UserRequest::Action::list) {
        std::string_view left = answer.body;
        for (auto end = left.find('}'); end != std::string_view::npos; end = left.find('}')) {
            const std::string entry(left.substr(0, end));
            fmt::print("{:<24} {} {}\n", admin_text(entry, "user"), admin_text(entry, "account"),
                       admin_text(entry, "access_key_id"));
            left.remove_prefix(end + 1);
        }
        return exit_ok;
    }
    if (request.action == UserRequest::Action::remove) {
        fmt::print("removed {}\n", request.name);
        return exit_ok;
    }
    fmt::print(
        "user                  {}\naccount               {}\naws_access_key_id     {}\naws_secret_access_key {}\n",
        request.name, admin_text(answer.body, "account"), admin_text(answer.body, "access_key_id"),
        admin_text(answer.body, "secret_access_key"));
    return exit_ok;
}

}  // namespace

std::string DataDirectory::describe() const {
    std::error_code ignored;
    const auto absolute = std::filesystem::absolute(path, ignored).lexically_normal();
    const bool is_default = source == "default";
    return fmt::format("{} ({})", absolute.empty() ? path : absolute.string(), is_default ? "the default" : source);
}

int user(const UserRequest& request, const StartServer& start) {
    const std::string& directory = request.data_dir.path;
    const std::string body = fmt::format("name={}\naccount={}\n", request.name, request.account);
    if (const auto contact = read_admin_contact(directory)) {
        if (const auto answer = post_admin(*contact, path_of(request.action), body)) return print(request, *answer);
    }
    if (!core::file_exists(directory + "/STORE")) {
        report(
            fmt::format("there is no riacho store in {}; name its directory with --data-dir, RIACHO_DATA_DIR or "
                        "--config",
                        request.data_dir.describe()));
        return exit_configuration;
    }
    const auto server = start(directory);
    if (!server) {
        report(server.error().message);
        return server.error().exit_code;
    }
    const auto contact = read_admin_contact(directory);
    const auto answer = contact ? post_admin(*contact, path_of(request.action), body) : std::nullopt;
    if (!answer) return report("the server did not answer");
    return print(request, *answer);
}

int clock(const DataDirectory& data_dir, const ClockRequest& request) {
    const auto contact = read_admin_contact(data_dir.path);
    const auto send = [&](std::string_view path, std::int64_t span_ms) {
        return contact ? post_admin(*contact, path, fmt::format("ms={}\n", span_ms)) : std::nullopt;
    };
    const auto answer = request.accept    ? send("clock/accept", 0)
                        : request.step_ms ? send("clock/step", *request.step_ms)
                                          : send("clock/advance", request.advance_ms);
    if (!answer) return report(fmt::format("no server runs on {}", data_dir.describe()));
    if (answer->status == 200) return exit_ok;
    return report(admin_text(answer->body, "error"));
}

}  // namespace riacho::cli
