// main(): parses the command line and runs one subcommand.
#include <fmt/format.h>

#ifdef RIACHO_MIMALLOC
#include <mimalloc.h>
#endif

#include <CLI/CLI.hpp>
#include <cerrno>
#include <cstdio>
#include <functional>
#include <map>
#include <memory>
#include <system_error>

#include "base/exit_code.h"
#include "base/try.h"
#include "cli/commands.h"
#include "server/commands.h"
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

// Variables of subcommands are read after parsing, not by CLI11, which would also set options of subcommands that were
// not given.

// Finds the data directory of a subcommand that works on one.
class DirectoryFlags {
public:
    void add_to(CLI::App& command) {
        command_ = &command;
        command.add_option("--data-dir", data_dir_, "the data directory [./riacho-data]")->type_name("DIR");
        command.add_option("--config", config_, "a TOML file with a data-dir")->type_name("FILE");
    }

    [[nodiscard]] Expected<cli::DataDirectory, std::string> resolve() const {
        GivenFlags given;
        if (command_->count("--data-dir") != 0) given.emplace_back("data-dir", std::vector{data_dir_});
        if (command_->count("--config") != 0) given.emplace_back("config", std::vector{config_});
        TRY(const SettingValue value, resolve_setting("data-dir", given));
        if (value.values.front().empty()) return fail(fmt::format("data-dir ({}) is empty", value.source));
        return cli::DataDirectory{value.values.front(), value.source == "flag" ? "--data-dir" : value.source};
    }

private:
    CLI::App* command_ = nullptr;
    std::string data_dir_;
    std::string config_;
};

void add_client_flags(CLI::App& command, cli::ClientOptions& options) {
    command.add_option("--endpoint", options.endpoint, "the server [http://127.0.0.1:4566]")->type_name("URL");
    command.add_option("--region", options.region, "the region [AWS_REGION or us-east-1]")->type_name("REGION");
    command.add_option("--ca-file", options.ca_file, "certificates to trust for https (PEM)")->type_name("FILE");
    command.footer(
        "The endpoint is also RIACHO_ENDPOINT, AWS_ENDPOINT_URL_KINESIS or\n"
        "AWS_ENDPOINT_URL; the keys are AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY\n"
        "and AWS_SESSION_TOKEN.");
}

// A subcommand and the function that runs it after the command line was parsed. Each owns its option variables.
struct Subcommand {
    CLI::App* app;
    std::function<int()> run;
};
using Subcommands = std::vector<Subcommand>;

Subcommand make_export(CLI::App& app) {
    CLI::App* command = app.add_subcommand("export", "Write a stream's records as JSON lines");
    auto request = std::make_shared<cli::ExportRequest>();
    command->add_option("STREAM", request->stream, "the stream's name")->required();
    command->add_option("FILE", request->file, "replaced when complete [standard output]");
    command->add_flag("--resume", request->resume, "go on with what an export left in FILE.partial");
    command->add_flag("--progress", request->progress, "show progress even without a terminal");
    add_client_flags(*command, request->client);
    return {command, [request] { return cli::export_records(*request); }};
}

Subcommand make_import(CLI::App& app) {
    CLI::App* command = app.add_subcommand("import", "Put records from JSON lines into a stream");
    auto request = std::make_shared<cli::ImportRequest>();
    command->add_option("STREAM", request->stream, "the name of a stream that exists")->required();
    command->add_option("FILE", request->file, "where from [standard input]");
    command->add_option("--from-line", request->from_line, "skip the lines before it")
        ->type_name("N")
        ->check(CLI::PositiveNumber);
    command->add_flag("--progress", request->progress, "show progress even without a terminal");
    add_client_flags(*command, request->client);
    return {command, [request] { return cli::import_records(*request); }};
}

Subcommand make_tail(CLI::App& app) {
    static const std::map<std::string, cli::RecordFormat> formats = {
        {"text", cli::RecordFormat::text}, {"json", cli::RecordFormat::json}, {"hex", cli::RecordFormat::hex}};
    CLI::App* command = app.add_subcommand("tail", "Print a stream's records, and those to come");
    auto request = std::make_shared<cli::TailRequest>();
    auto format = std::make_shared<std::string>("text");
    command->add_option("STREAM", request->stream, "the stream's name")->required();
    command->add_flag("-f,--follow", request->follow, "go on with the records to come");
    command->add_option("--from", request->from, "where to begin: see below")->type_name("POSITION");
    command->add_option("--shard", request->shards, "this shard and what becomes of it (repeatable)")
        ->type_name("ID")
        ->expected(1)
        ->allow_extra_args(false)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
    command->add_option("--format", *format, "text, json or hex [text]")
        ->type_name("FORMAT")
        ->check(CLI::IsMember({"text", "json", "hex"}).description(""));
    command->add_option("--records", request->records, "end after so many records")
        ->type_name("N")
        ->check(CLI::PositiveNumber.description(""));
    command->add_option("--seconds", request->seconds, "end after so long")
        ->type_name("N")
        ->check(CLI::Range(1, 1'000'000'000).description(""));
    add_client_flags(*command, request->client);
    command->footer(
        "POSITION is latest (the default with --follow), trim-horizon (the default\n"
        "without), at:NUMBER or after:NUMBER for a sequence number, a time such as\n"
        "2026-11-26T22:41:03Z or 1795732863.5, or how long ago: 90s, 15m, 2h, 1d.\n" +
        command->get_footer());
    return {command, [request, format] {
                request->format = formats.at(*format);
                return cli::tail(*request);
            }};
}

Subcommand make_verify(CLI::App& app) {
    CLI::App* command = app.add_subcommand("verify", "Check the data directory of a stopped server");
    auto flags = std::make_shared<DirectoryFlags>();
    flags->add_to(*command);
    return {command, [flags] {
                const auto data_dir = flags->resolve();
                return data_dir ? verify(*data_dir) : fail_usage(data_dir.error());
            }};
}

Subcommand make_backup(CLI::App& app) {
    CLI::App* command = app.add_subcommand("backup", "Copy a data directory, of a running server too");
    auto flags = std::make_shared<DirectoryFlags>();
    auto request = std::make_shared<BackupRequest>();
    auto skips_check = std::make_shared<bool>(false);
    command->add_option("DIR", request->target, "the copy; must not exist")->required();
    command->add_flag("--no-verify", *skips_check, "do not read the copy back and check it");
    flags->add_to(*command);
    return {command, [flags, request, skips_check] {
                const auto data_dir = flags->resolve();
                request->verifies = !*skips_check;
                return data_dir ? backup(*data_dir, *request) : fail_usage(data_dir.error());
            }};
}

Subcommand make_clock(CLI::App& app) {
    CLI::App* command = app.add_subcommand("clock", "Confirm a server's clock, or move a test clock");
    auto flags = std::make_shared<DirectoryFlags>();
    auto request = std::make_shared<cli::ClockRequest>();
    flags->add_to(*command);
    auto* accept = command->add_flag("--accept", request->accept, "the clock is right: expired records may be deleted");
    auto* step =
        command->add_option("--step", request->step_ms, "set the wall clock alone, forward or back")->type_name("MS");
    auto* advance = command->add_option("MS", request->advance_ms, "let so many milliseconds pass");
    step->excludes(accept);
    advance->excludes(accept)->excludes(step);
    return {command, [=] {
                if (accept->empty() && step->empty() && advance->empty())
                    return fail_usage("clock: MS, --step or --accept is needed");
                const auto data_dir = flags->resolve();
                return data_dir ? cli::clock(*data_dir, *request) : fail_usage(data_dir.error());
            }};
}

Subcommand make_sql(CLI::App& app) {
    CLI::App* command = app.add_subcommand("sql", "Run an application's SQL without a server");
    auto request = std::make_shared<cli::SqlRequest>();
    auto clock = std::make_shared<std::string>("now");
    auto keep_open = std::make_shared<bool>(false);
    command->add_option("SQL", request->file, "the file of SQL")->required();
    command->add_option("--input", request->input, "rows as JSON lines; - for standard input")->type_name("FILE");
    command->add_option("--columns", request->columns, "the input's columns [found in it]")->type_name("DEFS");
    command->add_option("--stream", request->stream, "the input's name [SOURCE_SQL_STREAM_001]")->type_name("NAME");
    command->add_option("--output", request->outputs, "print this stream alone (repeatable)")
        ->type_name("NAME")
        ->expected(1)
        ->allow_extra_args(false)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
    command->add_option("--clock", *clock, "now or manual: see below [now]")
        ->type_name("CLOCK")
        ->check(CLI::IsMember({"now", "manual"}).description(""));
    command->add_flag("--explain", request->explain, "print the plan");
    command->add_flag("--keep-open", *keep_open, "windows still open at the end stay open");
    command->footer(
        "A line may have a member ROWTIME (2018-05-09 10:00:05.000): its time. With\n"
        "--clock manual nothing else moves time, and a line with ROWTIME alone is a\n"
        "tick; otherwise lines without one get the time of now. DEFS are as in CREATE\n"
        "STREAM: \"TICKER VARCHAR(4), PRICE REAL\".");
    return {command, [request, clock, keep_open] {
                request->manual = *clock == "manual";
                request->close_windows = !*keep_open;
                return cli::sql(*request);
            }};
}

Subcommand make_firehose_flush(CLI::App& app) {
    CLI::App* command = app.add_subcommand("firehose", "Work on delivery streams of a running server");
    command->require_subcommand(1);
    CLI::App* flush =
        command->add_subcommand("flush", "Deliver what was accepted, without waiting for buffering hints");
    auto flags = std::make_shared<DirectoryFlags>();
    auto request = std::make_shared<cli::FlushRequest>();
    flags->add_to(*flush);
    flush->add_option("STREAM", request->stream, "the delivery stream's name")->required();
    flush->add_option("--account", request->account, "its account [the server's own]")->type_name("ID");
    flush->add_option("--region", request->region, "its region [the server's own]")->type_name("REGION");
    return {flush, [flags, request] {
                const auto data_dir = flags->resolve();
                return data_dir ? cli::firehose_flush(*data_dir, *request) : fail_usage(data_dir.error());
            }};
}

Subcommand make_peek(CLI::App& app) {
    CLI::App* command = app.add_subcommand("peek", "Show rows of a SQL application's stream, live");
    auto flags = std::make_shared<DirectoryFlags>();
    auto request = std::make_shared<cli::PeekRequest>();
    flags->add_to(*command);
    command->add_option("APPLICATION", request->application, "its name, or its ARN")->required();
    command->add_option("STREAM", request->stream, "an in-application stream, such as error_stream")->required();
    command->add_option("--seconds", request->seconds, "how long to wait for rows [5]")
        ->type_name("N")
        ->check(CLI::Range(0, 86'400).description(""));
    return {command, [flags, request] {
                auto data_dir = flags->resolve();
                if (!data_dir) return fail_usage(data_dir.error());
                request->data_dir = *std::move(data_dir);
                return cli::peek(*request);
            }};
}

void add_user_commands(CLI::App& app, Subcommands& commands) {
    using Action = cli::UserRequest::Action;
    CLI::App* user_command = app.add_subcommand("user", "Manage credentials (used with --auth=sigv4)");
    user_command->require_subcommand(1);
    const auto add = [&](const char* name, const char* help, Action action) {
        CLI::App* command = user_command->add_subcommand(name, help);
        auto flags = std::make_shared<DirectoryFlags>();
        auto request = std::make_shared<cli::UserRequest>();
        request->action = action;
        request->account = "000000000000";
        flags->add_to(*command);
        command->add_flag("--json", request->json, "print JSON");
        if (action == Action::add) {
            command->add_option("--account", request->account, "the account id, 12 digits [000000000000]")
                ->type_name("ID");
        }
        if (action != Action::list) command->add_option("NAME", request->name, "the user")->required();
        commands.push_back({command, [flags, request] {
                                auto data_dir = flags->resolve();
                                if (!data_dir) return fail_usage(data_dir.error());
                                request->data_dir = *std::move(data_dir);
                                return cli::user(*request, start_for_the_moment);
                            }});
    };
    add("add", "Create a user and a key; the secret is shown once", Action::add);
    add("list", "List users and their access keys", Action::list);
    add("remove", "Remove a user and its access keys", Action::remove);
    add("rotate", "Give a user a new key; the old one ends at once", Action::rotate);
}

Subcommand make_serve(CLI::App& app) {
    CLI::App* command = app.add_subcommand("serve", "Serve Kinesis on one port until interrupted");
    auto flags = std::make_shared<SettingFlags>();
    flags->add_to(*command);
    return {command, [flags, command] {
                const auto resolved = resolve_config(flags->given(*command));
                return resolved ? serve(resolved->config) : fail_usage(resolved.error());
            }};
}

Subcommand make_config(CLI::App& app) {
    CLI::App* command = app.add_subcommand("config", "Print the settings and where each value came from");
    auto flags = std::make_shared<SettingFlags>();
    flags->add_to(*command);
    return {command, [flags, command]() -> int {
                const auto resolved = resolve_config(flags->given(*command));
                if (!resolved) return fail_usage(resolved.error());
                fmt::print("{}", describe_config(*resolved));
                return exit_ok;
            }};
}

// A misspelt variable has no effect, so it is reported, as a misspelt line of the file is an error.
void warn_of_unknown_variables() {
    const auto unknown = unknown_variables();
    if (unknown.empty()) return;
    fmt::print(stderr, "riacho: warning: no setting is named by {}\n", fmt::join(unknown, ", "));
}

int run(int argc, char** argv) {
    CLI::App app("riacho: Amazon Kinesis that you run yourself", "riacho");
    app.set_version_flag("--version", fmt::format("riacho {}", version));
    app.require_subcommand(1);
    app.failure_message(CLI::FailureMessage::simple);
    Subcommands commands;
    commands.push_back(make_serve(app));
    commands.push_back(make_config(app));
    commands.push_back(make_verify(app));
    commands.push_back(make_backup(app));
    commands.push_back(make_tail(app));
    commands.push_back(make_export(app));
    commands.push_back(make_import(app));
    add_user_commands(app, commands);
    commands.push_back(make_clock(app));
    commands.push_back(make_sql(app));
    commands.push_back(make_firehose_flush(app));
    commands.push_back(make_peek(app));
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        const int code = app.exit(error);
        return code == 0 ? exit_ok : exit_usage;
    }
    for (const Subcommand& command : commands) {
        if (!command.app->parsed()) continue;
        if (command.app->get_name() != "serve") warn_of_unknown_variables();  // serve() logs them
        return command.run();
    }
    return exit_usage;
}

// A command whose output is lost has failed: for example on a full disk or a closed pipe.
int run_and_flush(int argc, char** argv) {
    int code = exit_failure;
    try {
        code = run(argc, argv);
        const bool flushed = std::fflush(stdout) == 0;
        const std::string reason = flushed ? "" : ": " + std::generic_category().message(errno);
        // --help and --version flush the output themselves, so only the stream's error flag remains.
        if (flushed && std::ferror(stdout) == 0) return code;
        fmt::print(stderr, "riacho: cannot write the output{}\n", reason);
    } catch (const std::system_error& error) {  // thrown by fmt for standard output
        fmt::print(stderr, "riacho: {}\n", error.what());
    }
    return code == exit_ok ? exit_failure : code;
}

}  // namespace
}  // namespace riacho::server

int main(int argc, char** argv) {
#ifdef RIACHO_MIMALLOC
    // Delays the return of freed memory: mimalloc's default of 25 ms, with the kernel clearing the memory again, costs
    // a fifth of the time of a large PutRecords (docs/performance.md).
    constexpr long memory_kept_ms = 5'000;
    mi_option_set(mi_option_decommit_delay, memory_kept_ms);
    mi_option_set(mi_option_segment_decommit_delay, memory_kept_ms);
#endif
    return riacho::server::run_and_flush(argc, argv);
}
