// The configuration: flags, then RIACHO_* variables, then the TOML file, then defaults; and the source of each value.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "core/log.h"
#include "log/types.h"
#include "streams/encryption.h"
#include "streams/faults.h"

namespace riacho::server {

// A setting: `--data-dir`, RIACHO_DATA_DIR and `data-dir = "..."` in the file name the same setting.
struct Setting {
    std::string_view name;
    std::string_view group;  // title under which --help shows it
    std::string_view default_value;
    std::string_view placeholder;  // name of the value in --help, or its choices with | between; empty for a switch
    std::string_view help;
    bool repeatable = false;
    [[nodiscard]] bool is_switch() const { return placeholder.empty(); }
};

// Every setting of `riacho serve`, in the order of --help.
const std::vector<Setting>& all_settings();

struct SettingValue {
    std::vector<std::string> values;  // one, or several for a repeatable setting
    std::string source;               // "default", "flag", "RIACHO_..." or the file's path
};

struct StreamToCreate {
    std::string name;
    std::int32_t shards;
};

struct ListenAddress {
    std::string host;
    std::uint16_t port = 0;
};

enum class AuthMode : std::uint8_t { off, sigv4 };

// The services that run.
struct Services {
    bool data_streams = true;
    bool firehose = true;
    bool analytics = true;
    bool video = true;
};

// Whether only this machine reaches what listens there.
bool is_loopback_host(std::string_view host);

// The checked and typed settings.
struct Config {
    std::string data_dir;
    std::string listen_host;
    std::uint16_t listen_port = 0;
    std::optional<ListenAddress> metrics_listen;  // nothing: /metrics is on the main port
    bool ephemeral = false;
    std::vector<StreamToCreate> create_streams;
    log::Durability durability = log::Durability::sync;
    std::int64_t durability_interval_ms = 0;
    AuthMode auth = AuthMode::off;
    bool insecure = false;
    std::vector<std::string> cors_origins;
    std::vector<std::string> host_names;
    std::string account;
    std::string region;
    streams::KeyFaults key_faults;
    std::int32_t consumers_max = 20;
    bool limits = false;      // enforce AWS's limits
    std::string s3_endpoint;  // see outbound::ObjectStoreOptions
    Services services;
    std::string advertise_url;  // URL of Video Streams' data endpoints; empty: the address each client uses
    streams::FaultOptions faults;
    bool test_clock = false;
    std::int64_t time_scale = 1;
    std::int64_t test_clock_offset_ms = 0;
    std::int64_t transition_delay_ms = 0;
    std::string tls_cert;
    std::string tls_key;
    core::LogFormat log_format = core::LogFormat::logfmt;
    core::LogLevel log_level = core::LogLevel::info;
    bool log_calls = false;  // lines about calls are of level info instead of debug
    std::string port_file;
    std::size_t cores = 0;
    std::size_t memory_limit = 0;  // bytes; 0: the limit of the machine or the control group
    std::size_t cache_bytes = 0;   // 0: derived from the memory limit
    std::size_t journal_bytes = 0;
    std::size_t connections_max = 0;

    [[nodiscard]] bool listens_on_loopback() const;
};

// The values given on the command line, by setting name.
using GivenFlags = std::vector<std::pair<std::string, std::vector<std::string>>>;

struct ResolvedConfig {
    std::vector<std::pair<const Setting*, SettingValue>> values;  // in the order of all_settings()
    Config config;
};

// Combines the four sources and checks every value. The error is one sentence that names the setting, the value and its
// source.
Expected<ResolvedConfig, std::string> resolve_config(const GivenFlags& flags);

// Resolves a single text setting, for commands that need no other: the unchecked value and its source. The error is one
// sentence.
Expected<SettingValue, std::string> resolve_setting(std::string_view name, const GivenFlags& flags);

// The format of log lines, for problems that are found before the configuration is resolved, or that prevent it.
core::LogFormat log_format_of(const GivenFlags& flags);

// The RIACHO_ variables of the environment that neither a setting nor a subcommand reads: most likely misspelt.
// Excludes the variables that Kubernetes sets for a Service with such a name (RIACHO_PORT=tcp://...,
// RIACHO_SERVICE_HOST).
std::vector<std::string> unknown_variables();

// The output of `riacho config`: a TOML file with the same configuration, each line with its source.
std::string describe_config(const ResolvedConfig& resolved);

}  // namespace riacho::server
