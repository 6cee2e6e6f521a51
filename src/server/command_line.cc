#include "server/command_line.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <functional>
#include <map>
#include <memory>

#include "base/exit_code.h"
#include "base/try.h"
#include "cli/commands.h"
#include "core/log.h"
#include "server/command_description.h"
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
            const std::string group(setting.group);
            if (setting.is_switch()) {
                command.add_flag(flag, switches_[setting.name], help)->group(group);
                continue;
            }
            auto* option = command.add_option(flag, texts_[setting.name], help)
                               ->type_name(std::string(setting.placeholder))
                               ->group(group);
            option->expected(1)->allow_extra_args(false);
            option->multi_option_policy(setting.repeatable ? CLI::MultiOptionPolicy::TakeAll
                                                           : CLI::MultiOptionPolicy::TakeLast);
        }
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

// As fail_usage(), for commands whose standard error is a log.
int fail_configuration(const GivenFlags& flags, const std::string& problem) {
    if (log_format_of(flags) != core::LogFormat::json) return fail_usage(problem);
    core::configure_log(core::LogLevel::info, core::LogFormat::json);
    core::log_line(core::LogLevel::error, "wrong configuration", {{"reason", problem}});
    return exit_usage;
}

constexpr const char* setting_footer =
    "Every flag is also a RIACHO_ variable (RIACHO_DATA_DIR) and a line of the\n"
    "--config file (data-dir = \"...\").\n\n";

// Variables of subcommands are read after parsing, not by CLI11, which would also set options of subcommands that were
// not given.

// Finds the data directory of a subcommand that works on one.
class DirectoryFlags {
public:
    void add_to(CLI::App& command) {
        command_ = &command;
        constexpr const char* group = "Data directory";
        command.add_option("--data-dir", data_dir_, "the data directory [./riacho-data]")
            ->type_name("DIR")
            ->group(group);
        command.add_option("--config", config_, "a TOML file with a data-dir")->type_name("FILE")->group(group);
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

constexpr const char* client_footer =
    "The endpoint is also RIACHO_ENDPOINT, AWS_ENDPOINT_URL_KINESIS or\n"
    "AWS_ENDPOINT_URL; the keys are AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY\n"
    "and AWS_SESSION_TOKEN.\n\n";

void add_client_flags(CLI::App& command, cli::ClientOptions& options) {
    constexpr const char* group = "Connection";
    command.add_option("--endpoint", options.endpoint, "the server [http://127.0.0.1:4566]")
        ->type_name("URL")
        ->group(group);
    command.add_option("--region", options.region, "the region [AWS_REGION, AWS_DEFAULT_REGION or us-east-1]")
        ->type_name("REGION")
        ->group(group);
    command.add_option("--ca-file", options.ca_file, "certificates to trust for https (PEM)")
        ->type_name("FILE")
        ->group(group);
}

// A subcommand and the function that runs it after the command line was parsed. Each owns its option variables.
struct Subcommand {
    CLI::App* app;
    std::function<int()> run;
};
using Subcommands = std::vector<Subcommand>;

CLI::App* add_command(CLI::App& app, const char* name, const char* help, const char* group, std::string footer) {
    CLI::App* command = app.add_subcommand(name, help);
    command->group(group);
    command->footer(std::move(footer));
    return command;
}

// Titles of the subcommands in `riacho --help`.
constexpr const char* server_group = "Server";
constexpr const char* streams_group = "Streams";
constexpr const char* administration_group = "Administration";
constexpr const char* services_group = "Delivery streams and SQL";
constexpr const char* shell_group = "Shell";

Subcommand make_serve(CLI::App& app) {
    CLI::App* command =
        add_command(app, "serve", "Serve Kinesis on one port until interrupted", server_group,
                    setting_footer + std::string("Example, a stream to work with and a line for each call:\n"
                                                 "  riacho serve --data-dir ./riacho-data --create-stream orders:4 \\\n"
                                                 "      --log-calls"));
    auto flags = std::make_shared<SettingFlags>();
    flags->add_to(*command);
    return {command, [flags, command] {
                const GivenFlags given = flags->given(*command);
                const auto resolved = resolve_config(given);
                return resolved ? serve(resolved->config) : fail_configuration(given, resolved.error());
            }};
}

Subcommand make_config(CLI::App& app) {
    CLI::App* command =
        add_command(app, "config", "Print the settings and where each value came from", server_group,
                    setting_footer + std::string("Example, a file with the settings of the environment:\n"
                                                 "  riacho config > riacho.toml"));
    auto flags = std::make_shared<SettingFlags>();
    flags->add_to(*command);
    return {command, [flags, command]() -> int {
                const GivenFlags given = flags->given(*command);
                const auto resolved = resolve_config(given);
                if (!resolved) return fail_configuration(given, resolved.error());
                fmt::print("{}", describe_config(*resolved));
                return exit_ok;
            }};
}

Subcommand make_health(CLI::App& app) {
    CLI::App* command =
        add_command(app, "health", "Ask a server whether it is ready; the exit code tells", server_group,
                    "Without --endpoint (or RIACHO_ENDPOINT) the server is the one that runs on the\n"
                    "data directory, else http://127.0.0.1:4566. Exit code 0: yes; 1: no, or no\n"
                    "answer.\n\n"
                    "Examples, for a script and for a container's health check:\n"
                    "  riacho health --wait 30 && riacho put orders hello\n"
                    "  riacho health --live");
    auto flags = std::make_shared<DirectoryFlags>();
    auto request = std::make_shared<cli::HealthRequest>();
    command->add_flag("--live", request->live, "only whether it answers; a full disk does not matter");
    command->add_option("--wait", request->wait_s, "ask again for so many seconds until it is")
        ->type_name("SECONDS")
        ->check(CLI::Range(1, 86'400).description(""));
    command->add_flag("--json", request->json, "print the server's page");
    command->add_option("--endpoint", request->endpoint, "the server")->type_name("URL")->group("Connection");
    command->add_option("--ca-file", request->ca_file, "certificates to trust for https (PEM)")
        ->type_name("FILE")
        ->group("Connection");
    flags->add_to(*command);
    return {command, [flags, request] {
                auto data_dir = flags->resolve();
                if (!data_dir) return fail_usage(data_dir.error());
                request->data_dir = *std::move(data_dir);
                return cli::health(*request);
            }};
}

Subcommand make_streams(CLI::App& app) {
    CLI::App* command = add_command(app, "streams", "List the streams", streams_group,
                                    client_footer + std::string("Example:\n  riacho streams --region sa-east-1"));
    auto request = std::make_shared<cli::StreamsRequest>();
    auto* names = command->add_flag("--names", request->names, "print names alone");
    command->add_flag("--json", request->json, "print a JSON object a line")->excludes(names);
    add_client_flags(*command, request->client);
    return {command, [request] { return cli::streams(*request); }};
}

// words: the command line.
Subcommand make_put(CLI::App& app, const std::vector<std::string>& words) {
    CLI::App* command = add_command(app, "put", "Put records into a stream", streams_group,
                                    client_footer + std::string("Examples, one record, two, and one for each line:\n"
                                                                "  riacho put orders '{\"id\": 7}' --key 7\n"
                                                                "  riacho put orders first second\n"
                                                                "  tail -f access.log | riacho put clicks"));
    auto request = std::make_shared<cli::PutRequest>();
    command->add_option("STREAM", request->stream, "the name of a stream that exists")->required();
    auto data = std::make_shared<std::vector<std::string>>();
    command->add_option("DATA", *data, "a record each [each line of standard input is one]");
    command->add_option("--key", request->key, "their partition key [another for each record]")->type_name("KEY");
    command->add_option("--hash-key", request->hash_key, "their explicit hash key, decimal")->type_name("N");
    command->add_option("--file", request->file, "put the bytes of FILE as one record")->type_name("FILE");
    add_client_flags(*command, request->client);
    return {command, [&app, &words, request, data] {
                // The words themselves: CLI11 makes two of "[1, 2]", and none of "{}".
                request->data = arguments_of(describe(app, "riacho"), words);
                request->data.erase(request->data.begin());  // the stream's name
                if (!request->file.empty() && !request->data.empty()) return fail_usage("put: either DATA or --file");
                return cli::put(*request);
            }};
}

Subcommand make_export(CLI::App& app) {
    CLI::App* command = add_command(app, "export", "Write a stream's records as JSON lines", streams_group,
                                    client_footer + std::string("Example:\n  riacho export orders orders.jsonl"));
    auto request = std::make_shared<cli::ExportRequest>();
    command->add_option("STREAM", request->stream, "the stream's name")->required();
    command->add_option("FILE", request->file, "replaced when complete [standard output]");
    command->add_flag("--resume", request->resume, "go on with what an export left in FILE.partial");
    command->add_flag("--skip-damaged", request->skip_damaged,
                      "leave out records that the disk has lost, and say which");
    command->add_flag("--progress", request->progress, "show progress even without a terminal");
    add_client_flags(*command, request->client);
    return {command, [request] { return cli::export_records(*request); }};
}

Subcommand make_import(CLI::App& app) {
    CLI::App* command =
        add_command(app, "import", "Put records from JSON lines into a stream", streams_group,
                    client_footer + std::string("Example:\n  riacho import orders-copy < orders.jsonl"));
    auto request = std::make_shared<cli::ImportRequest>();
    command->add_option("STREAM", request->stream, "the name of a stream that exists")->required();
    command->add_option("FILE", request->file, "where from [standard input]");
    command->add_option("--from-line", request->from_line, "skip the lines before it")
        ->type_name("N")
        ->check(CLI::PositiveNumber.description(""));
    command->add_flag("--progress", request->progress, "show progress even without a terminal");
    add_client_flags(*command, request->client);
    return {command, [request] { return cli::import_records(*request); }};
}

Subcommand make_tail(CLI::App& app) {
    static const std::map<std::string, cli::RecordFormat> formats = {
        {"text", cli::RecordFormat::text}, {"json", cli::RecordFormat::json}, {"hex", cli::RecordFormat::hex}};
    CLI::App* command = add_command(app, "tail", "Print a stream's records, and those to come", streams_group,
                                    "POSITION is latest (the default with --follow), trim-horizon (the default\n"
                                    "without), at:NUMBER or after:NUMBER for a sequence number, a time such as\n"
                                    "2026-11-26T22:41:03Z or 1795732863.5, or how long ago: 90s, 15m, 2h, 1d.\n\n" +
                                        std::string(client_footer) +
                                        "Examples:\n"
                                        "  riacho tail orders --follow\n"
                                        "  riacho tail orders --from 15m --format json | jq -r .PartitionKey");
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
    command->add_option("--format", *format, "how records look [text]")
        ->type_name("text|json|hex")
        ->check(CLI::IsMember({"text", "json", "hex"}).description(""));
    command->add_flag("--skip-damaged", request->skip_damaged,
                      "leave out records that the disk has lost, and say which");
    command->add_option("--records", request->records, "end after so many records")
        ->type_name("N")
        ->check(CLI::PositiveNumber.description(""));
    command->add_option("--seconds", request->seconds, "end after so long")
        ->type_name("N")
        ->check(CLI::Range(1, 1'000'000'000).description(""));
    add_client_flags(*command, request->client);
    return {command, [request, format] {
                request->format = formats.at(*format);
                return cli::tail(*request);
            }};
}

Subcommand make_verify(CLI::App& app) {
    CLI::App* command = add_command(app, "verify", "Check the data directory of a stopped server", administration_group,
                                    "Example:\n  riacho verify --data-dir /var/lib/riacho");
    auto flags = std::make_shared<DirectoryFlags>();
    flags->add_to(*command);
    return {command, [flags] {
                const auto data_dir = flags->resolve();
                return data_dir ? verify(*data_dir) : fail_usage(data_dir.error());
            }};
}

Subcommand make_backup(CLI::App& app) {
    CLI::App* command =
        add_command(app, "backup", "Copy a data directory, of a running server too", administration_group,
                    "Example:\n  riacho backup --data-dir /var/lib/riacho /mnt/riacho-today");
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
    CLI::App* command =
        add_command(app, "clock", "Confirm a server's clock, or move a test clock", administration_group,
                    "Example, an hour on a server that was started with --test-clock:\n  riacho clock 3600000");
    auto flags = std::make_shared<DirectoryFlags>();
    auto request = std::make_shared<cli::ClockRequest>();
    auto* accept = command->add_flag("--accept", request->accept, "the clock is right: expired records may be deleted");
    auto* step =
        command->add_option("--step", request->step_ms, "set the wall clock alone, forward or back")->type_name("MS");
    auto* advance = command->add_option("MS", request->advance_ms, "let so many milliseconds pass");
    step->excludes(accept);
    advance->excludes(accept)->excludes(step);
    flags->add_to(*command);
    return {command, [=] {
                if (accept->empty() && step->empty() && advance->empty())
                    return fail_usage("clock: MS, --step or --accept is needed");
                const auto data_dir = flags->resolve();
                return data_dir ? cli::clock(*data_dir, *request) : fail_usage(data_dir.error());
            }};
}

Subcommand make_sql(CLI::App& app) {
    CLI::App* command = add_command(app, "sql", "Run an application's SQL without a server", services_group,
                                    "A line may have a member ROWTIME (2018-05-09 10:00:05.000): its time. With\n"
                                    "--clock manual nothing else moves time, and a line with ROWTIME alone is a\n"
                                    "tick; otherwise lines without one get the time of now. DEFS are as in CREATE\n"
                                    "STREAM: \"TICKER VARCHAR(4), PRICE REAL\".\n\n"
                                    "Example:\n  riacho sql application.sql --input rows.jsonl --clock manual");
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
    command->add_option("--clock", *clock, "see below [now]")
        ->type_name("now|manual")
        ->check(CLI::IsMember({"now", "manual"}).description(""));
    command->add_flag("--explain", request->explain, "print the plan");
    command->add_flag("--keep-open", *keep_open, "windows still open at the end stay open");
    return {command, [request, clock, keep_open] {
                request->manual = *clock == "manual";
                request->close_windows = !*keep_open;
                return cli::sql(*request);
            }};
}

Subcommand make_firehose_flush(CLI::App& app) {
    CLI::App* command =
        add_command(app, "firehose", "Work on delivery streams of a running server", services_group, "");
    CLI::App* flush = add_command(*command, "flush", "Deliver what was accepted, without waiting for buffering hints",
                                  "Subcommands", "Example:\n  riacho firehose flush orders-to-s3");
    auto flags = std::make_shared<DirectoryFlags>();
    auto request = std::make_shared<cli::FlushRequest>();
    flush->add_option("STREAM", request->stream, "the delivery stream's name")->required();
    flush->add_option("--account", request->account, "its account [the server's own]")->type_name("ID");
    flush->add_option("--region", request->region, "its region [the server's own]")->type_name("REGION");
    flags->add_to(*flush);
    return {flush, [flags, request] {
                const auto data_dir = flags->resolve();
                return data_dir ? cli::firehose_flush(*data_dir, *request) : fail_usage(data_dir.error());
            }};
}

Subcommand make_peek(CLI::App& app) {
    CLI::App* command = add_command(app, "peek", "Show rows of a SQL application's stream, live", services_group,
                                    "Example:\n  riacho peek vendas-por-vendedor error_stream --seconds 60");
    auto flags = std::make_shared<DirectoryFlags>();
    auto request = std::make_shared<cli::PeekRequest>();
    command->add_option("APPLICATION", request->application, "its name, or its ARN")->required();
    command->add_option("NAME", request->stream, "an in-application stream, such as error_stream")->required();
    command->add_option("--seconds", request->seconds, "how long to wait for rows [5]")
        ->type_name("N")
        ->check(CLI::Range(0, 86'400).description(""));
    flags->add_to(*command);
    return {command, [flags, request] {
                auto data_dir = flags->resolve();
                if (!data_dir) return fail_usage(data_dir.error());
                request->data_dir = *std::move(data_dir);
                return cli::peek(*request);
            }};
}

void add_user_commands(CLI::App& app, Subcommands& commands) {
    using Action = cli::UserRequest::Action;
    CLI::App* user_command =
        add_command(app, "user", "Manage credentials (used with --auth=sigv4)", administration_group, "");
    const auto add = [&](const char* name, const char* help, Action action, const char* example) {
        CLI::App* command =
            add_command(*user_command, name, help, "Subcommands", std::string("Example:\n  riacho user ") + example);
        auto flags = std::make_shared<DirectoryFlags>();
        auto request = std::make_shared<cli::UserRequest>();
        request->action = action;
        request->account = "000000000000";
        if (action != Action::list) command->add_option("NAME", request->name, "the user")->required();
        command->add_flag("--json", request->json, "print JSON");
        if (action == Action::add) {
            command->add_option("--account", request->account, "the account id, 12 digits [000000000000]")
                ->type_name("ID");
        }
        flags->add_to(*command);
        commands.push_back({command, [flags, request] {
                                auto data_dir = flags->resolve();
                                if (!data_dir) return fail_usage(data_dir.error());
                                request->data_dir = *std::move(data_dir);
                                return cli::user(*request, start_for_the_moment);
                            }});
    };
    add("add", "Create a user and a key; the secret is shown once", Action::add, "add ana");
    add("list", "List users and their access keys", Action::list, "list --json");
    add("remove", "Remove a user and its access keys", Action::remove, "remove ana");
    add("rotate", "Give a user a new key; the old one ends at once", Action::rotate, "rotate ana");
}

Subcommand make_completion(CLI::App& app) {
    CLI::App* command = add_command(app, "completion", "Print a shell's completion file", shell_group,
                                    "Examples, for the shell at hand:\n"
                                    "  source <(riacho completion bash)\n"
                                    "  source <(riacho completion zsh)\n"
                                    "  riacho completion fish | source");
    auto shell = std::make_shared<std::string>();
    command->add_option("bash|zsh|fish", *shell, "the shell")
        ->required()
        ->check(CLI::IsMember({"bash", "zsh", "fish"}).description(""));
    return {command, [&app, shell]() -> int {
                const CommandDescription root = describe(app, "riacho");
                fmt::print("{}", *shell == "bash"  ? bash_completion(root)
                                 : *shell == "zsh" ? zsh_completion(root)
                                                   : fish_completion(root));
                return exit_ok;
            }};
}

// For packages; not shown by help.
Subcommand make_manual(CLI::App& app) {
    CLI::App* command = add_command(app, "manual", "Print the page riacho(1) for man", "", "");
    return {command, [&app]() -> int {
                fmt::print("{}", manual_page(describe(app, "riacho"), version));
                return exit_ok;
            }};
}

// A misspelt variable has no effect, so it is reported, as a misspelt line of the file is an error.
void warn_of_unknown_variables() {
    const auto unknown = unknown_variables();
    if (unknown.empty()) return;
    fmt::print(stderr, "riacho: warning: no setting is named by {}\n", fmt::join(unknown, ", "));
}

// The flags of a command line that cannot be parsed by which the format of log lines is found.
GivenFlags flags_of_format(const std::vector<std::string>& words) {
    GivenFlags given;
    for (const std::string_view name : {"log-format", "config"}) {
        const std::string flag = fmt::format("--{}", name);
        for (std::size_t i = 0; i < words.size(); ++i) {
            if (words[i] == flag && i + 1 < words.size()) given.emplace_back(name, std::vector{words[i + 1]});
            if (words[i].starts_with(flag + "="))
                given.emplace_back(name, std::vector{words[i].substr(flag.size() + 1)});
        }
    }
    return given;
}

// The innermost command that was named.
CLI::App* named_command(CLI::App& app) {
    CLI::App* command = &app;
    while (!command->get_subcommands().empty()) command = command->get_subcommands().front();
    return command;
}

int fail_parse(CLI::App& app, const std::vector<std::string>& words, const CLI::ParseError& error) {
    const CommandDescription root = describe(app, "riacho");
    const std::string unknown = explain_unknown_word(root, words);
    const std::string problem = unknown.empty() ? explain_parse_error(error.what()) : unknown;
    std::string path = "riacho";
    for (CLI::App* at = &app; !at->get_subcommands().empty();) {
        at = at->get_subcommands().front();
        path += " " + at->get_name();
    }
    const GivenFlags given = flags_of_format(words);
    const bool is_logging = path == "riacho serve" || path == "riacho config";
    if (is_logging && log_format_of(given) == core::LogFormat::json) return fail_configuration(given, problem);
    fail_usage(problem);
    fmt::print(stderr, "riacho: {} --help tells more\n", path);
    return exit_usage;
}

}  // namespace

int run_command_line(int argc, char** argv) {
    CLI::App app("riacho: Amazon Kinesis that you run yourself", "riacho");
    // One description for help and everything else.
    app.formatter_fn([](const CLI::App* command, const std::string& path, CLI::AppFormatMode) {
        return help_text(describe(*command, path));
    });
    app.set_version_flag("--version", fmt::format("riacho {}", version), "print the version");
    app.set_help_flag("-h,--help", "print this help");
    app.footer(
        "Example, a server and a stream to try:\n"
        "  riacho serve --create-stream orders &\n"
        "  riacho put orders hello && riacho tail orders\n\n"
        "riacho SUBCOMMAND --help tells more.");
    const std::vector<std::string> words = words_as_flags(std::vector<std::string>(argv + 1, argv + argc));
    Subcommands commands;
    commands.push_back(make_serve(app));
    commands.push_back(make_config(app));
    commands.push_back(make_health(app));
    commands.push_back(make_streams(app));
    commands.push_back(make_put(app, words));
    commands.push_back(make_tail(app));
    commands.push_back(make_export(app));
    commands.push_back(make_import(app));
    add_user_commands(app, commands);
    commands.push_back(make_verify(app));
    commands.push_back(make_backup(app));
    commands.push_back(make_clock(app));
    commands.push_back(make_firehose_flush(app));
    commands.push_back(make_sql(app));
    commands.push_back(make_peek(app));
    commands.push_back(make_completion(app));
    commands.push_back(make_manual(app));
    try {
        app.parse(std::vector<std::string>(words.rbegin(), words.rend()));  // CLI11 takes them from the end
    } catch (const CLI::ParseError& error) {
        if (error.get_exit_code() == 0) return app.exit(error);  // --help, --version
        return fail_parse(app, words, error);
    }
    for (const Subcommand& command : commands) {
        if (!command.app->parsed()) continue;
        if (command.app->get_name() != "serve") warn_of_unknown_variables();  // serve() logs them
        return command.run();
    }
    // No command, or only the first half of one: riacho, riacho user.
    CLI::App* command = named_command(app);
    fmt::print("{}", command == &app ? app.help() : help_text(describe(*command, "riacho " + command->get_name())));
    return exit_ok;
}

}  // namespace riacho::server
