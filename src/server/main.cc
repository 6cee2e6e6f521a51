// The riacho binary: reads the command line and runs one subcommand.
#include <fmt/format.h>

#ifdef RIACHO_MIMALLOC
#include <mimalloc.h>
#endif

#include <CLI/CLI.hpp>
#include <cstdio>
#include <map>

#include "server/commands.h"
#include "server/exit_code.h"
#include "server/version.h"

namespace riacho::server {
namespace {

// The flags of `serve` and `config`, kept as text: resolve_config() checks them together with the other sources.
class SettingFlags {
public:
    void add_to(CLI::App& command) {
        for (const Setting& setting : all_settings()) {
            const std::string flag = fmt::format("--{}", setting.name);
            std::string help(setting.help);
            if (!setting.default_value.empty() && !setting.is_switch() && setting.default_value != "0") {
                help += fmt::format(" [{}]", setting.default_value);
            }
            if (setting.is_switch()) {
                command.add_flag(flag, switches_[setting.name], help);
                continue;
            }
            auto* option =
                command.add_option(flag, texts_[setting.name], help)->type_name(std::string(setting.placeholder));
            option->expected(1)->allow_extra_args(false);
            option->multi_option_policy(setting.repeatable ? CLI::MultiOptionPolicy::TakeAll
                                                           : CLI::MultiOptionPolicy::TakeLast);
        }
        command.footer(
            "Every flag is also a RIACHO_ variable (RIACHO_DATA_DIR) and a line of the --config file (data-dir = "
            "\"...\").");
    }

    [[nodiscard]] GivenFlags given(const CLI::App& command) const {
        GivenFlags flags;
        for (const Setting& setting : all_settings()) {
            if (command.count(fmt::format("--{}", setting.name)) == 0) continue;
            if (setting.is_switch()) {
                flags.emplace_back(setting.name,
                                   std::vector<std::string>{switches_.at(setting.name) ? "true" : "false"});
            } else {
                flags.emplace_back(setting.name, texts_.at(setting.name));
            }
        }
        return flags;
    }

private:
    std::map<std::string_view, std::vector<std::string>> texts_;
    std::map<std::string_view, bool> switches_;
};

int fail_usage(const std::string& problem) {
    fmt::print(stderr, "riacho: {}\n", problem);
    return exit_usage;
}

struct TransferCommand {
    const char* name;
    const char* help;
    const char* file_help;
    TransferRequest::Direction direction;
};

// The request must live as long as the app.
CLI::App* add_transfer_command(CLI::App& app, const TransferCommand& kind, TransferRequest& request) {
    request.endpoint = "http://127.0.0.1:4566";
    CLI::App* command = app.add_subcommand(kind.name, kind.help);
    command->add_option("STREAM", request.stream, "the stream's name")->required();
    command->add_option("FILE", request.file, kind.file_help);
    command->add_option("--endpoint", request.endpoint, "the server [http://127.0.0.1:4566]")
        ->type_name("URL")
        ->envname("RIACHO_ENDPOINT");
    command->add_option("--region", request.region, "the region [AWS_REGION or us-east-1]")->type_name("REGION");
    command->add_flag("--progress", request.progress, "show progress even without a terminal");
    command->callback([&request, direction = kind.direction] { request.direction = direction; });
    return command;
}

CLI::App* add_user_commands(CLI::App& app, UserRequest& request) {
    request.data_dir = "./riacho-data";
    request.account = "000000000000";
    CLI::App* user_command = app.add_subcommand("user", "Manage credentials (used with --auth=sigv4)");
    user_command->require_subcommand(1);
    const auto add = [&](const char* name, const char* help, UserRequest::Action action) {
        CLI::App* command = user_command->add_subcommand(name, help);
        command->add_option("--data-dir", request.data_dir, "the data directory")
            ->type_name("DIR")
            ->envname("RIACHO_DATA_DIR");
        command->add_flag("--json", request.json, "print JSON");
        if (action == UserRequest::Action::add) {
            command->add_option("--account", request.account, "the account id, 12 digits")->type_name("ID");
        }
        if (action != UserRequest::Action::list) command->add_option("NAME", request.name, "the user")->required();
        command->callback([&request, action] { request.action = action; });
    };
    add("add", "Create a user with an access key; the secret is shown once", UserRequest::Action::add);
    add("list", "List users and their access keys", UserRequest::Action::list);
    add("remove", "Remove a user and its access keys", UserRequest::Action::remove);
    add("rotate", "Give a user a new access key; the old one ends at once", UserRequest::Action::rotate);
    return user_command;
}

int run(int argc, char** argv) {
    CLI::App app("riacho: Amazon Kinesis that you run yourself", "riacho");
    app.set_version_flag("--version", fmt::format("riacho {}", version));
    app.require_subcommand(1);
    app.failure_message(CLI::FailureMessage::simple);

    CLI::App* serve_command = app.add_subcommand("serve", "Serve Kinesis on one port until interrupted");
    SettingFlags serve_flags;
    serve_flags.add_to(*serve_command);

    CLI::App* config_command =
        app.add_subcommand("config", "Print the effective configuration and where each value came from");
    SettingFlags config_flags;
    config_flags.add_to(*config_command);

    CLI::App* verify_command =
        app.add_subcommand("verify", "Check the journal, segments and catalog of a stopped server");
    std::string verify_dir = "./riacho-data";
    verify_command->add_option("--data-dir", verify_dir, "the data directory")
        ->type_name("DIR")
        ->envname("RIACHO_DATA_DIR");

    CLI::App* clock_command =
        app.add_subcommand("clock", "Move the time of a server that runs with --test-clock forward");
    std::string clock_dir = "./riacho-data";
    std::int64_t clock_ms = 0;
    clock_command->add_option("--data-dir", clock_dir, "the data directory")
        ->type_name("DIR")
        ->envname("RIACHO_DATA_DIR");
    clock_command->add_option("MS", clock_ms, "by how many milliseconds")->required();

    TransferRequest transfer_request{};
    CLI::App* export_command = add_transfer_command(
        app,
        {"export", "Write a stream's records as JSON lines; keys from AWS_ACCESS_KEY_ID and its like",
         "where to [standard output]", TransferRequest::Direction::to_file},
        transfer_request);
    CLI::App* import_command =
        add_transfer_command(app,
                             {"import", "Put records from JSON lines into a stream that exists",
                              "where from [standard input]", TransferRequest::Direction::from_file},
                             transfer_request);

    UserRequest user_request{};
    CLI::App* user_command = add_user_commands(app, user_request);

    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        const int code = app.exit(error);
        return code == 0 ? exit_ok : exit_usage;
    }
    if (*verify_command) return verify(verify_dir);
    if (*export_command || *import_command) return transfer(transfer_request);
    if (*clock_command) return advance_clock(clock_dir, clock_ms);
    if (*user_command) return user(user_request);
    const bool serving = static_cast<bool>(*serve_command);
    const auto resolved =
        resolve_config(serving ? serve_flags.given(*serve_command) : config_flags.given(*config_command));
    if (!resolved) return fail_usage(resolved.error());
    if (serving) return serve(resolved->config);
    fmt::print("{}", describe_config(*resolved));
    return exit_ok;
}

}  // namespace
}  // namespace riacho::server

int main(int argc, char** argv) {
#ifdef RIACHO_MIMALLOC
    // Freed memory is as good as new for some seconds: handing it back within 25 ms, the default, and having it cleared
    // again costs a fifth of the time of a large PutRecords (docs/performance.md).
    constexpr long memory_kept_ms = 5'000;
    mi_option_set(mi_option_decommit_delay, memory_kept_ms);
    mi_option_set(mi_option_segment_decommit_delay, memory_kept_ms);
#endif
    return riacho::server::run(argc, argv);
}
